#!/usr/bin/env bash
# Train both stages from one recipe: training/train.sh NAME [detector options]; weights go to runs/networks/.
# The shipped files are those of `shipped`, copied to src/napari_drpnet/weights/ as detector and classifier, and the
# detector of `training/train.sh fcrn`. `drpnet-paper` trains both as the DRPnet paper did.
set -euo pipefail
export OMP_NUM_THREADS=1
name=$1
shift
detector=runs/networks/$name-detector.safetensors
napari-drpnet train-detector --settings "training/$name.yaml" --device cpu --out "$detector" "$@"
length=(--steps 1500 --batch 32 --rate 0.001)
if [ "$name" = drpnet-paper ]; then
    length=(--epochs 5 --batch 8 --rate 0.00005)
fi
if [ "$name" != fcrn ]; then
    napari-drpnet train-classifier --settings "training/$name.yaml" --device cpu --detector "$detector" \
        "${length[@]}" --out "runs/networks/$name-classifier.safetensors"
fi
