"""NRRD and MetaImage files, read with SimpleITK where it is installed; masks of them are NIfTI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.extras import needed
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.format import Format, Pixels
from napari_localdisc.formats.nifti import NiftiGeometry, check_affine, upright_planes

_EXTRA = "itk"
_NRRD, _META = b"NRRD000", b"ObjectType ="
_HEADER = 2**16
"""Bytes of a text header at most."""
_ELSEWHERE = re.compile(
    rb"^(data ?file:|ElementDataFile *=(?! *LOCAL))", re.IGNORECASE | re.MULTILINE
)
"""How a header begins to name another file, which could be any on this machine."""


class Itk(Format):
    """NRRD and MetaImage in one file."""

    suffixes = (".nrrd", ".mha")

    def recognises(self, _: Path, head: bytes, /) -> bool:
        """Whether a file begins as NRRD or MetaImage does."""
        return head.startswith((_NRRD, _META))

    def read(self, path: Path, /) -> tuple[Pixels, NiftiGeometry]:
        """Read an image or a volume; see `read_itk`."""
        return read_itk(path)

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a mask."""
        return NiftiGeometry.suffix


def read_itk(path: Path) -> tuple[Pixels, NiftiGeometry]:
    """Read a file upright, plane by plane as it was scanned.

    Returns
    -------
    pixels : ndarray, shape (H, W) or (N, H, W, 1)
    geometry : NiftiGeometry
        Masks lie where their image does.

    Raises
    ------
    LocaldiscError
        If SimpleITK is missing, the file is damaged or too large, keeps its pixels in another file,
        or holds more than a volume of grey pixels.
    """
    library, nibabel = (needed(name, _EXTRA, path) for name in ("SimpleITK", "nibabel"))
    with path.open("rb") as file:
        head = file.read(_HEADER)
    _check_alone(path, head)
    library.ProcessObject.SetGlobalWarningDisplay(False)
    reader = library.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if head.startswith(_NRRD) else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check(path, reader)
        image = reader.Execute()
    except RuntimeError as error:  # speaks of its own sources
        raise LocaldiscError(f"{path} is damaged; copy or export it again.") from error
    stored, affine = library.GetArrayFromImage(image).T, _affine(image)
    check_affine(path, affine)
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm")
    return upright_planes(header, affine, stored)


def _check_alone(path: Path, head: bytes) -> None:
    if _ELSEWHERE.search(head.partition(b"\n\n")[0]):
        raise LocaldiscError(
            f"{path} keeps its pixels in another file; save it as one file, or as NIfTI."
        )


def _check(path: Path, reader: Any) -> None:
    """Refuse what is too large or no grey image, by what the header says."""
    sizes, parts = reader.GetSize(), reader.GetNumberOfComponents()
    if len(sizes) > 3 or parts != 1:
        raise LocaldiscError(
            f"{path} holds an array of shape {tuple(sizes)} with {parts} values a pixel; expected"
            " one grey image or volume: save the part you want on its own."
        )
    planes, height, width = sorted((*sizes, 1)[:3])
    check_pixels(path, width, height, planes)


def _affine(image: Any) -> npt.NDArray[np.float64]:
    """Map indices to millimetres to the right, front and head; ITK's world grows to the left."""
    count = image.GetDimension()
    directions = np.reshape(image.GetDirection(), (count, count)) * image.GetSpacing()
    affine = np.eye(4)
    affine[:count, :count], affine[:count, 3] = directions, image.GetOrigin()
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
