"""Files of kinds that only an installed napari reader knows, tried when all else has failed.

Readers are other people's code; napari itself is not needed for them to be asked.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.decoding import decoding
from napari_localdisc.formats.format import Format, Geometry, Pixels
from napari_localdisc.formats.raster import read_raster
from napari_localdisc.formats.tiff import StackGeometry


class NapariReaders(Format):
    """What readers of other plugins know; a mask of it is a TIFF."""

    def recognises(self, _: Path, __: bytes, /) -> bool:
        """Readers go by names, and other formats come first: none is recognised."""
        return False

    def tries(self, _: Path, /) -> bool:
        """Whatever is left is worth a try."""
        return True

    def read(self, path: Path, /) -> tuple[Pixels, Geometry]:
        """Read what a reader takes; what none takes is refused as Pillow refuses it."""
        found = read_with_plugins(path)
        return read_raster(path) if found is None else (found, StackGeometry())

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a mask."""
        return StackGeometry.suffix


def read_with_plugins(path: Path) -> Pixels | None:
    """Read the first image that a napari reader finds in a file.

    Returns
    -------
    ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) with C in {1, 3}
        None if no installed reader takes the file.

    Raises
    ------
    LocaldiscError
        If a reader takes it and fails, or finds nothing that can be segmented.
    """
    try:
        npe2 = importlib.import_module("npe2")
    except ImportError:
        return None
    with decoding(path):
        manager = npe2.PluginManager.instance()
        manager.discover()
        if not any(True for _ in manager.iter_compatible_readers([str(path)])):
            return None
        layers = npe2.read([str(path)], stack=False)
        images = [layer for layer in map(_image, layers) if layer is not None]
        if not images:
            raise LocaldiscError(f"{path} holds no image, by what its napari reader finds.")
        return _planes(path, *images[0])


def _image(layer: Any) -> tuple[Any, bool] | None:
    """Pixels of an image layer, those of the finest level, and whether they are RGB."""
    data, options, kind = (*layer, {}, "image")[:3] if len(layer) < 3 else layer
    if kind != "image" or data is None:
        return None
    levels = data if isinstance(data, list | tuple) else [data]
    shape = levels[0].shape
    rgb = (options or {}).get("rgb")
    return levels[0], bool(len(shape) > 2 and shape[-1] in (3, 4) if rgb is None else rgb)


def _planes(path: Path, data: Any, rgb: bool) -> Pixels:
    frame = tuple(data.shape[-3:-1] if rgb else data.shape[-2:])
    if len(frame) < 2 or 0 in data.shape or np.dtype(data.dtype).kind not in "buif":
        raise LocaldiscError(
            f"{path} holds an array of shape {tuple(data.shape)} and type {data.dtype}; expected a"
            " grey or RGB image."
        )
    leading = data.shape[: -3 if rgb else -2]
    planes = int(np.prod(leading, dtype=np.int64))
    check_pixels(path, frame[1], frame[0], planes)
    pixels = np.asarray(data).reshape((planes, *frame, -1))[..., : 3 if rgb else 1]
    if planes > 1:
        return pixels
    return pixels[0] if rgb else pixels[0, ..., 0]
