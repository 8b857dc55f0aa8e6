#!/bin/sh
# Installs the Debian or Ubuntu packages that Python cannot bring along, or says which they are.
#   tools/system-packages.sh venv      what `python3 -m venv` needs
#   tools/system-packages.sh window    what napari's window needs
#   tools/system-packages.sh test      the same, a screen that is not there (Xvfb), RELION, and what clicks in its window
set -eu

window="libgl1 libglx-mesa0 libgl1-mesa-dri libegl1 libopengl0 libglib2.0-0 libdbus-1-3 libfontconfig1 libfreetype6
libx11-xcb1 libxkbcommon0 libxkbcommon-x11-0 libxcb-cursor0 libxcb-glx0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1
libxcb-randr0 libxcb-render0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0
libxcb-xkb1 fonts-dejavu-core"
optional=""
case "${1:-}" in
    venv)
        # A Python that is not the system's own has this already.
        "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null && exit 0
        wanted="python3-venv" ;;
    window) wanted="$window" ;;
    test) wanted="$window xvfb xauth" optional="relion relion-gui xdotool" ;;
    *) echo "usage: $0 venv|window|test" >&2; exit 2 ;;
esac

# Newer releases have some libraries under a name that ends in t64.
missing() {
    for package in "$@"; do
        for name in "$package" "${package}t64"; do
            dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && continue 2
        done
        printf '%s ' "$package"
    done
}

if ! command -v apt-get >/dev/null; then
    case "$1" in
        venv) echo "error: this Python lacks ensurepip. Install your system's package for Python's venv." >&2; exit 1 ;;
        test) command -v xvfb-run >/dev/null || { echo "error: there is no xvfb-run. Install Xvfb." >&2; exit 1; } ;;
    esac
    exit 0
fi

# shellcheck disable=SC2086
needed=$(missing $wanted) extra=$(missing $optional)
[ -z "$needed$extra" ] && exit 0
if [ "$(id -u)" -eq 0 ]; then as_root=""
elif sudo -n true 2>/dev/null; then as_root="sudo -n"
else
    [ -z "$extra" ] || echo "note: some interop tests need: sudo apt-get install -y $extra" >&2
    [ -n "$needed" ] || exit 0
    echo "error: system packages are missing. Run:  sudo apt-get install -y $needed" >&2
    exit 1
fi
install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends"
# shellcheck disable=SC2086
{
    $as_root apt-get update -q
    [ -z "$needed" ] || $install $needed
    [ -z "$extra" ] || $install $extra || echo "note: $extra cannot be installed here; its tests are skipped." >&2
}
