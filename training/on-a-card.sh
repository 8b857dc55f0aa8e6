#!/usr/bin/env bash
# What a graphics card that is there for a while can learn: training/on-a-card.sh MINUTES OUT [SIZE [RECIPE...]]
# Other recipes, shipped and with-real, go on from networks in benchmarks/networks/.
# Prepares the sets where they are not there yet, measures how many steps fit into the minutes, trains the recipes beside
# each other, and copies each network to OUT as soon as it is finished.
set -euo pipefail
minutes=$1 out=$2 size=${3:-2}
shift $(($# < 3 ? $# : 3))
recipes=("$@")
[ ${#recipes[@]} -gt 0 ] || recipes=(simulated)
export OMP_NUM_THREADS=1
mkdir -p "$out" runs/networks
for sets in sets:plain more:more-plain real:real-10059; do
    [ -e "runs/prepared/${sets#*:}.safetensors" ] || napari-drpnet prepare "training/${sets%:*}.yaml" --out runs/prepared
done 2> "$out/prepare.log"
for recipe in "${recipes[@]}"; do
    python3 benchmarks/training_speed.py --prepared runs/prepared/plain.safetensors --sizes "$size" --batch 64 \
        --steps 40 --minutes "$minutes" > "$out/speed-$recipe.log" 2>&1 &
done
wait
# The slowest tells; a tenth of the time is for reading and for validation.
steps=$(tail -qn 1 "$out"/speed-*.log | awk -F'|' '{n = $(NF-1) * 0.9; if (!least || n < least) least = n} END {print int(least)}')
echo "$steps steps" | tee "$out/steps.log"
for recipe in "${recipes[@]}"; do
    {
        napari-drpnet train-detector --settings "training/$recipe.yaml" --size "$size" --steps "$steps" \
            --minutes "$minutes" --out "runs/networks/$recipe-detector.safetensors" > "$out/$recipe.log" 2>&1
        cp "runs/networks/$recipe-detector".{safetensors,tsv,png} "$out/"
    } &
done
wait
