"""What every DICOM mask is made of: names, identifiers, and one line for what goes wrong."""

from __future__ import annotations

import copy
import hashlib
import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc import __version__
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.dicom.source import Source

NAME = "napari-localdisc"
"""Maker of the masks."""

MASK, CONFIDENCE = "mask", "confidence"
"""What a mask is."""

SERIES = {MASK: 1000, CONFIDENCE: 2000}
"""What is added to the number of an image's series."""

Labels = npt.NDArray[np.uint8]


@contextmanager
def told_of(image: Path) -> Iterator[None]:
    """Say of an image that no mask can be made of its tags, without quoting them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, LocaldiscError):
        raise
    except Exception as error:
        raise LocaldiscError(
            f"{image} has tags of which no DICOM segmentation can be made; convert it to NIfTI or"
            " PNG."
        ) from error


def needed(library: str, path: Path) -> Any:
    """Import a library of the extra, or say how to install it."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise LocaldiscError(
            f"{path} is a DICOM file and {library} is not installed; run:"
            " pip install 'napari-localdisc[medical]'"
        ) from error


def decimals(values: Sequence[float]) -> list[Any]:
    """Write numbers in the sixteen signs that DICOM has for them."""
    decimal = importlib.import_module("pydicom.valuerep").DSfloat
    return [decimal(value, auto_format=True) for value in values]


def identified(source: Source, numbers: Labels) -> Any:
    """Copy the header of an image, with the identifiers that every image must have."""
    image = copy.deepcopy(source.header)
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        if not image.get(name):
            setattr(image, name, uid(name, digest(numbers)))
    return image


def derivation(what: str) -> str:
    """Say how a mask came about."""
    return f"{what} made by {NAME} {__version__}"


def uid(*words: object) -> Any:
    """Make an identifier of words, the same of the same ones: a mask made twice is one mask."""
    return importlib.import_module("pydicom.uid").generate_uid(
        entropy_srcs=[NAME, *map(str, words)]
    )


def series_uid(source: Any, what: str) -> Any:
    """Make the identifier of the series that the masks of an image's series share."""
    return uid(source.SeriesInstanceUID, "masks" if what == MASK else what)


def digest(labels: Labels) -> str:
    """Hash labels."""
    return hashlib.blake2b(np.ascontiguousarray(labels).tobytes(), digest_size=16).hexdigest()
