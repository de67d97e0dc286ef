"""DICOM, NIfTI, NRRD and MetaImage in napari, as the command line sees them. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc.formats.dicom.reading import Dicom
from napari_localdisc.formats.images import read_image
from napari_localdisc.formats.itk import Itk
from napari_localdisc.formats.nifti import Nifti
from napari_localdisc.formats.registry import SERIES, format_of

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return the reader of medical image files and of folders that hold a DICOM series.

    Parameters
    ----------
    path : str or sequence of str
        Several that are to be stacked are left to other readers.
    """
    if not isinstance(path, str):
        return None
    place = Path(path)
    is_ours = SERIES.is_series(place) if place.is_dir() else _is_medical(place)
    return read_layers if is_ours else None


def _is_medical(path: Path) -> bool:
    return isinstance(format_of(path), Dicom | Nifti | Itk)


def read_layers(path: str) -> list[LayerData]:
    """Read an image as a layer: windowed, upright, in millimetres where the file knows them.

    Raises
    ------
    LocaldiscError
        If it cannot be read.
    """
    image = read_image(path)
    pixels = np.asarray(image.pixels)
    is_colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    if image.is_stack and not is_colour:
        pixels = pixels[..., 0]
    about: dict[str, Any] = {"name": image.path.name, "rgb": is_colour}
    if image.geometry.spacing is not None:
        about |= {"scale": image.geometry.spacing, "units": ("mm",) * len(image.extent)}
    if image.geometry.notes:
        about["metadata"] = {"notes": list(image.geometry.notes)}
    return [(pixels, about, "image")]
