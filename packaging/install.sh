#!/bin/sh
# What a container holds: Python of Debian, and the command line with the exact versions of constraints.txt.
#   packaging/install.sh SOURCE [OPTIONS OF PIP]      as root, in Debian 12
set -eu

source=$1
shift
export DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
apt-get update -q
apt-get install -y -q --no-install-recommends ca-certificates python3 python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/napari-drpnet
/opt/napari-drpnet/bin/pip install -q -c "$source/constraints.txt" "$@" "$source"
ln -s /opt/napari-drpnet/bin/napari-drpnet /usr/local/bin/napari-drpnet
rm -rf "$source"
napari-drpnet doctor
