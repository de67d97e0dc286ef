"""Where the pixels of a file lie in the patient, and how large they are."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.formats.dicom.mask import DicomGeometry
from napari_localdisc.formats.dicom.series import SeriesGeometry
from napari_localdisc.formats.dicom.source import Place, spacing_of
from napari_localdisc.formats.format import Geometry
from napari_localdisc.formats.nifti import NiftiGeometry
from napari_localdisc.formats.omezarr.reading import OmeZarrGeometry

Matrix = npt.NDArray[np.float64]

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
"""In a unit of NIfTI; most programs write millimetres and name no unit."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where pixels lie.

    Attributes
    ----------
    spacing : tuple of float
        Millimetres between the centres of neighbouring pixels, along each axis of the labels.
    matrix : ndarray of float64, shape (4, 4), or None
        From (plane, row, column, 1) to millimetres from the patient's right to left, front to back
        and feet to head, as DICOM counts them; None where only the size of pixels is stored. An
        image of one plane is plane 0.
    """

    spacing: tuple[float, ...]
    matrix: Matrix | None = None


def placement_of(geometry: Geometry, extent: Sequence[int]) -> Placement | None:
    """Tell where the pixels of an image lie, as far as its file says.

    Parameters
    ----------
    geometry : Geometry
        As a format read it.
    extent : sequence of int
        Shape of the labels: (H, W) or (N, H, W).

    Returns
    -------
    Placement or None
        None of formats that store no sizes, and of files that leave them out.
    """
    axes = len(extent)
    if isinstance(geometry, NiftiGeometry):
        return placed_at(_of_nifti(geometry), axes)
    if isinstance(geometry, SeriesGeometry):
        return _of_places([one.places[0] for one in geometry.slices], axes)
    if isinstance(geometry, DicomGeometry):
        return _of_places(geometry.source.places, axes)
    if isinstance(geometry, OmeZarrGeometry) and geometry.spacing is not None:
        return Placement(geometry.spacing)
    return None


def placed_at(matrix: Matrix, axes: int) -> Placement:
    """Make the placement of labels with so many axes; one plane has a thickness of 1 mm."""
    matrix = matrix.copy()
    if axes == 2:
        normal = np.cross(matrix[:3, 1], matrix[:3, 2])
        matrix[:3, 0] = normal / np.linalg.norm(normal)
    sizes = np.linalg.norm(matrix[:3, 3 - axes : 3], axis=0)
    return Placement(tuple(sizes.tolist()), matrix)


def _of_nifti(geometry: NiftiGeometry) -> Matrix:
    orientations = importlib.import_module("nibabel.orientations")
    stored = (*geometry.shape, 1, 1)[:3]
    back = orientations.inv_ornt_aff(geometry.turn, stored)
    columns, rows = (axis for axis in range(3) if axis != geometry.axis)
    order = np.zeros((4, 4))
    order[[geometry.axis, rows, columns, 3], [0, 1, 2, 3]] = 1
    size = _MILLIMETRES.get(geometry.header.get_xyzt_units()[0], 1.0)
    to_left_and_back = np.diag([-size, -size, size, 1.0])
    return np.asarray(to_left_and_back @ geometry.affine @ back @ order, dtype=np.float64)


def _of_places(places: Sequence[Place], axes: int) -> Placement | None:
    """Placement of one plane, or of a stack of planes with a place each."""
    first, sizes = places[0], spacing_of(places)
    if sizes is None or len(sizes) != axes:
        return None
    if not first.is_known:
        return Placement(sizes)
    matrix = _of_plane(first)
    if axes > 2:
        step = np.array(places[-1].position, float) - np.array(first.position, float)
        matrix[:3, 0] = step / (len(places) - 1)
    return placed_at(matrix, axes)


def _of_plane(place: Place) -> Matrix:
    along, down = np.array(place.orientation, dtype=float).reshape(2, 3)
    rows, columns = place.spacing or (1.0, 1.0)
    matrix = np.eye(4)
    matrix[:3, 0] = np.cross(along, down)
    matrix[:3, 1] = down * rows
    matrix[:3, 2] = along * columns
    matrix[:3, 3] = np.array(place.position, dtype=float)
    return matrix
