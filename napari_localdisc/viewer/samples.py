"""Sample data for napari's File menu. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from skimage.data import retina

from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom

LayerData = tuple[Any, dict[str, Any], str]

COUNT = 6
SIZE = 256


def xray_phantoms() -> list[LayerData]:
    """Return a stack of made-up chest X-rays."""
    images = np.stack([xray_phantom(seed, SIZE).image for seed in range(COUNT)])
    return [(images, {"name": "X-ray phantoms"}, "image")]


def fundus_phantoms() -> list[LayerData]:
    """Return a stack of made-up fundus photographs."""
    images = np.stack([fundus_phantom(seed, SIZE).image for seed in range(COUNT)])
    return [(images, {"name": "Fundus phantoms", "rgb": True}, "image")]


def retina_photograph() -> list[LayerData]:
    """Return scikit-image's photograph of a healthy human retina."""
    return [(retina(), {"name": "Retina", "rgb": True}, "image")]
