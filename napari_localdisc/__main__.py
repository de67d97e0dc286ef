"""``python -m napari_localdisc``: the command line."""

import sys

from napari_localdisc.cli import main

if __name__ == "__main__":
    sys.exit(main())
