#!/usr/bin/env bash
# Train CenterPicker's network in two parts; weights go to runs/networks/centerpicker.safetensors, then centerpicker-more.safetensors.
# The second part goes on from the first for as many steps at half the rate, with other simulations of the same kind.
set -euo pipefail
export OMP_NUM_THREADS=1
device=${DEVICE:-cpu}
first=runs/networks/centerpicker.safetensors
napari-drpnet train-centerpicker --settings training/centerpicker.yaml --device "$device" --out "$first"
recipe=$(mktemp --suffix .yaml)
trap 'rm "$recipe"' EXIT
# Seeds 31 to 36, of the sets that are learnt from, become 41 to 46; those of validation stay.
sed 's/ seed: 3/ seed: 4/' training/centerpicker.yaml > "$recipe"
napari-drpnet train-centerpicker --settings "$recipe" --device "$device" --start "$first" --rate 0.001 \
    --out runs/networks/centerpicker-more.safetensors
