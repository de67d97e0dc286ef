"""Annotation-free segmentation of medical images, in napari and from the command line."""

from __future__ import annotations

import os

# OpenMP threads that spin while they wait make torch ten times slower on a busy machine, and a
# viewer stutter; the setting counts only before torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
