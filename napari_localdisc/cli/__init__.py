"""The command line: ``napari-localdisc``."""

from napari_localdisc.cli.app import main

__all__ = ["main"]
