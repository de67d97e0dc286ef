"""Phantoms: made-up images with known masks, to try the program on and to test it with."""

from __future__ import annotations

from napari_localdisc.core.phantoms.canvas import Phantom
from napari_localdisc.core.phantoms.fundus import fundus_phantom
from napari_localdisc.core.phantoms.xray import xray_phantom

__all__ = ["Phantom", "fundus_phantom", "xray_phantom"]
