"""Phantom images with their true masks, as files to try the program on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image

from napari_localdisc.base.atomic import replacing
from napari_localdisc.core.phantoms import Phantom, fundus_phantom, xray_phantom

_KINDS = {
    "chest-xray": (xray_phantom, ("lungs",)),
    "fundus": (fundus_phantom, ("vessels", "optic-disc")),
}


@dataclass(frozen=True)
class PhantomFiles:
    """Phantoms of one kind in a folder.

    Attributes
    ----------
    images : tuple of Path
    truths : mapping of str to tuple of Path
        Mask files by structure, in the order of the images.
    """

    images: tuple[Path, ...]
    truths: Mapping[str, tuple[Path, ...]]


def write_phantoms(folder: Path, kind: str, count: int = 6, size: int = 256) -> PhantomFiles:
    """Write phantoms to ``images/KIND`` and their masks to ``truth/STRUCTURE``.

    Parameters
    ----------
    folder : Path
    kind : str
        ``"chest-xray"`` or ``"fundus"``.
    count : int
        Number of images.
    size : int
        Side in pixels.
    """
    paint, structures = _KINDS[kind]
    images: list[Path] = []
    truths: dict[str, list[Path]] = {name: [] for name in structures}
    for number in range(1, count + 1):
        phantom: Phantom = paint(number, size)
        name = f"{kind}-{number}.png"
        images.append(_write(phantom.image, folder / "images" / kind / name))
        for structure, paths in truths.items():
            mask = phantom.masks[structure].astype(np.uint8) * 255
            paths.append(_write(mask, folder / "truth" / structure / name))
    return PhantomFiles(tuple(images), {name: tuple(paths) for name, paths in truths.items()})


def _write(pixels: npt.NDArray[np.uint8], path: Path) -> Path:
    with replacing(path, ".png") as temporary:
        PIL.Image.fromarray(pixels).save(temporary, format="PNG", optimize=True)
    return path
