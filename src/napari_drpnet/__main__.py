"""The program ``napari-drpnet``, also as ``python -m napari_drpnet``: signals are heard before the long imports.

Where an import fails the installation is broken, which is one line; ``napari-drpnet doctor`` works even then.
"""

from __future__ import annotations

import sys

from napari_drpnet.interruption import Interrupted, check, ended_in_order


def main() -> None:
    """Run the program."""
    with ended_in_order():
        try:
            try:
                from napari_drpnet.cli import main as program
            except Exception as error:  # a library that is broken may raise anything
                raise SystemExit(_broken(error)) from None
            program()
        except ImportError as error:
            raise SystemExit(_broken(error)) from None
        except Interrupted as end:
            print("interrupted", file=sys.stderr)
            raise SystemExit(end.status) from None


def _broken(error: Exception) -> int:
    from napari_drpnet.doctor import report

    check()  # a signal breaks imports, too
    if sys.argv[1:2] == ["doctor"]:
        return report("--json" in sys.argv)
    said = " ".join(str(error).split()) or "something cannot be imported"
    print(f"error: The installation is broken: {said}. What mends it:  napari-drpnet doctor", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
