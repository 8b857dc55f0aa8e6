#!/usr/bin/env bash
# Train both stages from one recipe: training/train.sh NAME [detector options]; weights go to runs/networks/. What most
# recipes learn from is made before (docs/training.md). DEVICE=cuda training/train.sh NAME trains on a graphics card.
# The shipped detector is that of `shipped`, the shipped classifier that of `with-real`; docs/networks.md says how each
# file was made. `fcrn` has no classifier. `drpnet-paper` trains both as the DRPnet paper did.
set -euo pipefail
export OMP_NUM_THREADS=1
device=${DEVICE:-cpu}
name=$1
shift
detector=runs/networks/$name-detector.safetensors
napari-drpnet train-detector --settings "training/$name.yaml" --device "$device" --out "$detector" "$@"
# How long the detector learns, at which rate and how its weights are averaged does not suit a network of patches.
case $name in
    fcrn) exit ;;
    drpnet-paper) length=(--epochs 5 --batch 8 --rate 0.00005) ;;
    *) length=(--steps 3000 --batch 32 --rate 0.001 --average 0.998) ;;
esac
# The network that a recipe goes on from is a detector.
recipe=$(mktemp --suffix .yaml)
trap 'rm "$recipe"' EXIT
grep -v '^start:' "training/$name.yaml" > "$recipe"
napari-drpnet train-classifier --settings "$recipe" --device "$device" --detector "$detector" \
    "${length[@]}" --out "runs/networks/$name-classifier.safetensors"
