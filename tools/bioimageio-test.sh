#!/bin/sh
# bioimageio.core's own test of packages that export-model wrote: tools/bioimageio-test.sh detector.zip fcrn.zip
# In an environment of its own: bioimageio.core does not run beside pydantic 2.14.
set -eu
venv=${BIOIMAGEIO_VENV:-.venv-bioimageio}
if [ ! -x "$venv/bin/bioimageio" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'bioimageio.core==0.11.0' 'onnxruntime>=1.20' 'pydantic<2.13'
fi
for package in "$@"; do
    "$venv/bin/bioimageio" test --weight-format onnx "$package"
done
