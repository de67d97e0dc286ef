"""Annotation-free segmentation of medical images, in napari and from the command line."""

from __future__ import annotations

__version__ = "0.1.0"
