"""What a file is: by its first bytes, else by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_localdisc.formats import dicom, nifti, raster, tiff

Kind = Literal["picture", "tiff", "nifti", "dicom"]

_HEAD = 352


def kind_of(path: Path) -> Kind:
    """Tell which reader a file is for; what cannot be opened goes by its name."""
    head = b""
    try:
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(_HEAD)
    except OSError:
        pass
    return _by_content(head) or _by_name(path.name.lower())


def _by_content(head: bytes) -> Kind | None:
    if head[128:132] == dicom.SIGNATURE:
        return "dicom"
    if head.startswith(tiff.SIGNATURES):
        return "tiff"
    if head.startswith(raster.SIGNATURES):
        return "picture"
    return "nifti" if nifti.is_header(head) else None


def _by_name(name: str) -> Kind:
    if name.endswith(nifti.SUFFIXES):
        return "nifti"
    return "dicom" if name.endswith(dicom.SUFFIXES) else "picture"
