#!/usr/bin/env bash
# Simulate what the shipped networks learn from: training/simulate.sh SHARED OUT
# SHARED holds structures/ and data/ (see docs/training.md). Proteins for validation are kept apart by PDB entry.
set -euo pipefail
shared=$1 out=$2
validation=" 1bxn 1igt 1ss8 2cg9 2rhs 2vz9 3cf3 3sn6 4v4r 4yvs 5a20 5gjv 6krk 6lmt 6rd4 6tps 6z80 7b7u 7etm 7kdv "

train=() validate=()
for file in "$shared"/structures/models/*.gz "$shared"/structures/maps/*.gz; do
    entry=$(basename "$file" | cut -c1-4)
    case $validation in
        *" $entry "*) validate+=(--structure "$file") ;;
        *) train+=(--structure "$file") ;;
    esac
done

make() { # NAME SEED COUNT ARGUMENT...
    local name=$1 seed=$2 count=$3
    shift 3
    napari-drpnet simulate --out "$out/$name" --seed "$seed" --count "$count" --size 1024 --diameter-px 30 60 "$@"
}

make validation 101 60 "${validate[@]}"
make plain 1 220 "${train[@]}"
make like-10059 2 80 "${train[@]}" --noise-like "$shared/data/10059/10059_0001.png" --noise-like "$shared/data/10059/10059_0003.png"
make like-10028 3 80 "${train[@]}" --noise-like "$shared/data/10028/10028_061.png" --noise-like "$shared/data/10028/10028_063.png"
# Real grids are often more crowded than the default: particles side by side, faint against each other.
make crowded 4 100 "${train[@]}" --coverage 0.4 0.85
make validation-crowded 102 30 "${validate[@]}" --coverage 0.4 0.85
