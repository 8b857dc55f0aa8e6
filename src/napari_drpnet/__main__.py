"""The program ``napari-drpnet``, also as ``python -m napari_drpnet``: signals are heard before the long imports."""

from __future__ import annotations

import sys

from napari_drpnet.interruption import Interrupted, ended_in_order


def main() -> None:
    """Run the program."""
    with ended_in_order():
        try:
            from napari_drpnet.cli import main as program

            program()
        except Interrupted as end:
            print("interrupted", file=sys.stderr)
            raise SystemExit(end.status) from None


if __name__ == "__main__":
    main()
