#!/usr/bin/env bash
# Simulate what the shipped networks learn from: training/simulate.sh SHARED OUT [NAME...]
# SHARED holds structures/ and data/ (see docs/training.md); NAME restricts it to some of the sets.
# Proteins for validation and for testing are kept apart by PDB entry.
set -euo pipefail
shared=$1 out=$2
shift 2
only=" $* "
validation=" 1bxn 1igt 1ss8 2cg9 2rhs 2vz9 3cf3 3sn6 4v4r 4yvs 5a20 5gjv 6krk 6lmt 6rd4 6tps 6z80 7b7u 7etm 7kdv "
testing=" 1f2n 1g3i 1u6g 2r9r 3mkq 4uic 5csa 6bq1 6u8q 7kfe "

train=() validate=() test=()
for file in "$shared"/structures/models/*.gz "$shared"/structures/maps/*.gz; do
    entry=$(basename "$file" | cut -c1-4)
    case $validation/$testing in
        *" $entry "*/*) validate+=("$file") ;;
        */*" $entry "*) test+=("$file") ;;
        *) train+=("$file") ;;
    esac
done

make() { # NAME SEED COUNT ARGUMENT...
    local name=$1 seed=$2 count=$3
    shift 3
    [[ $only == "  " || $only == *" $name "* ]] || return 0
    napari-drpnet simulate --out "$out/$name" --seed "$seed" --count "$count" --size 1024 --diameter-px 30 60 --masks "$@"
}

# Real grids are often more crowded than the default, particles side by side, faint against each other; others are empty.
crowded=(--coverage 0.4 0.85)
faint=(--coverage 0.3 0.85 --visibility 1 3)
empty=(--empty 0.9 --contamination 0.7 --carbon 0.4)

make validation 101 60 --structure "${validate[@]}"
make validation-crowded 102 30 --structure "${validate[@]}" "${crowded[@]}"
make validation-faint 103 30 --structure "${validate[@]}" "${faint[@]}"
make validation-empty 106 30 --structure "${validate[@]}" "${empty[@]}"
make plain 1 220 --structure "${train[@]}"
make crowded 4 100 --structure "${train[@]}" "${crowded[@]}"
make faint 5 100 --structure "${train[@]}" "${faint[@]}"
make empty 6 80 --structure "${train[@]}" "${empty[@]}"
make like-10059 2 80 --structure "${train[@]}" --noise-like "$shared/data/10059/10059_0001.png" "$shared/data/10059/10059_0003.png"
make like-10028 3 80 --structure "${train[@]}" --noise-like "$shared/data/10028/10028_061.png" "$shared/data/10028/10028_063.png"
for dose in 15 30 60; do
    make test-$dose 2$dose 20 --structure "${test[@]}" --dose $dose
done
