"""NIfTI files that hold one 2D image, read with nibabel where it is installed."""

from __future__ import annotations

import gzip
import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.errors import LocaldiscError

SUFFIXES = (".nii", ".nii.gz")
_UPRIGHT = ("L", "P", "I")
"""Directions in which columns and rows grow when a patient is shown upright."""

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class NiftiGeometry:
    """Where the image lies in the scanner, and how its pixels were turned upright.

    Attributes
    ----------
    header : nibabel.Nifti1Header
    affine : ndarray, shape (4, 4)
    shape : tuple of int
        Shape of the stored array.
    turn : ndarray, shape (3, 2)
        For each stored axis the axis it became, and -1 where it was flipped.
    axis : int
        The axis of length 1, as turned.
    """

    header: Any
    affine: npt.NDArray[np.float64]
    shape: tuple[int, ...]
    turn: npt.NDArray[np.float64]
    axis: int

    suffix = ".nii.gz"

    def save(self, labels: npt.NDArray[np.uint8], path: Path) -> None:
        """Write labels as NIfTI in the place of the image that they belong to."""
        order = self.turn[:, 0].astype(int)
        stored = np.expand_dims(labels.T, self.axis).transpose(order)
        flipped = tuple(int(axis) for axis in np.flatnonzero(self.turn[:, 1] < 0))
        stored = np.flip(stored, flipped).reshape(self.shape)
        header = self.header.copy()
        header.set_data_dtype(np.uint8)
        header.set_slope_inter(1, 0)
        header["cal_max"] = header["cal_min"] = 0
        image = _nibabel(path).Nifti1Image(stored, self.affine, header)
        path.write_bytes(gzip.compress(image.to_bytes(), mtime=0))


def read_nifti(path: Path) -> tuple[Array, NiftiGeometry]:
    """Read a single-slice NIfTI file as an upright image.

    Returns
    -------
    pixels : ndarray, shape (H, W)
    geometry : NiftiGeometry

    Raises
    ------
    LocaldiscError
        If nibabel is missing, the file is damaged, or it holds more than one slice.
    """
    nibabel = _nibabel(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = nibabel.load(path)
            stored = np.asarray(image.dataobj)
            turn = _turn(image.affine)
            header = nibabel.Nifti1Header.from_header(image.header)
    except Exception as error:
        raise LocaldiscError(
            f"{path} is not a readable NIfTI file ({error}); export it again."
        ) from error
    axis = _flat_axis(path, stored)
    spatial = stored.reshape((*stored.shape, 1, 1)[:3])
    upright = importlib.import_module("nibabel.orientations").apply_orientation(spatial, turn)
    flat = int(turn[axis, 0])
    geometry = NiftiGeometry(header, np.asarray(image.affine), stored.shape, turn, flat)
    return np.take(upright, 0, axis=flat).T, geometry


def _turn(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    orientations = importlib.import_module("nibabel.orientations")
    stored = orientations.io_orientation(affine)
    return np.asarray(
        orientations.ornt_transform(stored, orientations.axcodes2ornt(_UPRIGHT)), dtype=np.float64
    )


def _flat_axis(path: Path, stored: Array) -> int:
    """Which of the three spatial axes has length 1."""
    sizes = (*stored.shape, 1, 1)[:3]
    flat = [axis for axis in (2, 1, 0) if sizes[axis] == 1]
    if not flat or stored.size != np.prod(sizes) or stored.dtype.names is not None:
        raise LocaldiscError(
            f"{path} holds an array of shape {stored.shape} and type {stored.dtype}; expected one"
            " grey 2D image: save the slice you want on its own."
        )
    return flat[0]


def _nibabel(path: Path) -> Any:
    try:
        return importlib.import_module("nibabel")
    except ImportError as error:
        raise LocaldiscError(
            f"{path} is a NIfTI file and nibabel is not installed; run:"
            " pip install 'napari-localdisc[medical]'"
        ) from error
