"""Makes ``python -m napari_drpnet.cli`` the same as ``napari-drpnet``."""

from napari_drpnet.cli import main

if __name__ == "__main__":
    main()
