"""Which image a layer is of: masks, cluster maps, pictures and drawings know theirs. No Qt."""

from __future__ import annotations

from typing import TypeVar
from weakref import WeakKeyDictionary

from napari.layers import Image, Layer

_IMAGE_OF: WeakKeyDictionary[Layer, Image] = WeakKeyDictionary()

_Layer = TypeVar("_Layer", bound=Layer)


def of_image(layer: _Layer, image: Image) -> _Layer:
    """Note which image a layer is of; returns the layer."""
    _IMAGE_OF[layer] = image
    return layer


def noted_image(layer: Layer) -> Image | None:
    """Return the image that a layer is of, open or not, if that was noted."""
    return _IMAGE_OF.get(layer)
