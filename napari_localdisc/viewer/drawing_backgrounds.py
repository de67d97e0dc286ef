"""Faint pictures to draw on where no image is open. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image

from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.viewer.layers import METADATA_KEY

GUIDE = "guide"
"""Kind of these layers, in their recipes: they are no images to run on."""

_SIZE = 384
_FAINT = 0.35

_PAINTERS: dict[str, Callable[[], npt.NDArray[Any]]] = {
    "Chest X-ray (made up)": lambda: xray_phantom(0, _SIZE).image,
    "Fundus photograph (made up)": lambda: fundus_phantom(0, _SIZE).image,
    "Empty canvas": lambda: np.full((_SIZE, _SIZE), 128, np.uint8),
}
GUIDES = tuple(_PAINTERS)
"""What there is to draw on."""


def guide_layer(name: str) -> Image:
    """Build the layer of one of `GUIDES`."""
    picture = _PAINTERS[name]()
    shades = {} if picture.ndim == 3 else {"contrast_limits": (0, 255)}
    return Image(
        picture,
        rgb=picture.ndim == 3,
        name=f"Guide: {name}",
        opacity=_FAINT,
        metadata={METADATA_KEY: {"kind": GUIDE}},
        **shades,
    )
