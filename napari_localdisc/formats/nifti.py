"""NIfTI files that hold a 2D image or a volume, read with nibabel where it is installed."""

from __future__ import annotations

import gzip
import importlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.extras import needed
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.decoding import decoding
from napari_localdisc.formats.format import Format, Pixels
from napari_localdisc.formats.nifti_files import (
    HEADER,
    is_header,
    is_header_alone,
    is_part_of_pair,
    opened,
    partner,
    pixels_of,
)

EXTRA = "medical"
_UPRIGHT = ("L", "P", "I")
"""Directions in which columns and rows grow when a patient is shown upright."""

_UNITS = {"meter": 1e3, "micron": 1e-3}
"""Millimetres of a unit; what is not said is in millimetres, too."""
_FARTHEST = 2**26
"""Bytes into the file, at most, at which the pixels may begin."""
_ABOUT_THE_IMAGE = ("descrip", "aux_file", "db_name", "intent_name")
"""Free text of a header, which may name a patient."""


@dataclass(frozen=True)
class NiftiGeometry:
    """Where the image lies in the scanner, and how its pixels were turned upright.

    Attributes
    ----------
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
    affine : ndarray, shape (4, 4)
    shape : tuple of int
        Shape of the stored array.
    turn : ndarray, shape (3, 2)
        For each stored axis the axis it became, and -1 where it was flipped.
    axis : int
        The axis, as turned, along which the planes follow each other.
    """

    header: Any
    affine: npt.NDArray[np.float64]
    shape: tuple[int, ...]
    turn: npt.NDArray[np.float64]
    axis: int

    suffix = ".nii.gz"
    notes = ()
    shown_as_picture = False

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Millimetres between planes, rows and columns; of a single plane between the latter."""
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0) * self._millimetres
        turned = dict(zip(self.turn[:, 0].astype(int).tolist(), sizes.tolist(), strict=True))
        columns, rows = (axis for axis in range(3) if axis != self.axis)
        planes = (*self.shape, 1, 1)[self.turn[:, 0].astype(int).tolist().index(self.axis)]
        in_plane = (turned[rows], turned[columns])
        return (turned[self.axis], *in_plane) if planes > 1 else in_plane

    @property
    def _millimetres(self) -> float:
        return _UNITS.get(self.header.get_xyzt_units()[0], 1.0)

    def save(self, labels: npt.NDArray[np.uint8], path: Path, _: Sequence[str] = ()) -> None:
        """Write labels (H, W) or (N, H, W) as NIfTI in the place of their image."""
        self._write(labels, path, "mask", slope=1)

    def save_shares(self, shares: npt.NDArray[np.uint8], path: Path) -> None:
        """Write shares of the same shapes; readers scale them to [0, 1]."""
        self._write(shares, path, "confidence", slope=1 / 255)

    def _write(self, numbers: npt.NDArray[np.uint8], path: Path, what: str, slope: float) -> None:
        planes = numbers.reshape((-1, *numbers.shape[-2:])).swapaxes(1, 2)
        order = self.turn[:, 0].astype(int)
        stored = np.moveaxis(planes, 0, self.axis).transpose(order)
        flipped = tuple(int(axis) for axis in np.flatnonzero(self.turn[:, 1] < 0))
        stored = np.flip(stored, flipped).reshape(self.shape)
        header = self.header.copy()
        header.extensions.clear()
        for name in set(_ABOUT_THE_IMAGE) & set(header.keys()):
            header[name] = b""
        header["descrip"] = f"napari-localdisc {what}".encode()
        header.set_data_dtype(np.uint8)
        header["cal_max"] = header["cal_min"] = 0
        nibabel = needed("nibabel", EXTRA, path)
        is_new = isinstance(header, nibabel.Nifti2Header)
        kind = nibabel.Nifti2Image if is_new else nibabel.Nifti1Image
        image = kind(stored, self.affine, header)
        # Set here, for an image made of a header forgets its scaling.
        image.header.set_slope_inter(slope, 0)
        path.write_bytes(gzip.compress(image.to_bytes(), mtime=0))


def placed(
    matrix: npt.NDArray[np.float64], shape: tuple[int, ...], *, is_mm: bool
) -> NiftiGeometry:
    """Make the geometry of labels that lie where an affine map says.

    Parameters
    ----------
    matrix : ndarray of float, shape (ndim + 1, ndim + 1)
        From (row, column) or (plane, row, column) to a world whose axes grow to the feet, the back
        and the left: as `read_nifti` shows it.
    shape : tuple of int
        Of the labels.
    is_mm : bool
        Whether the world is in millimetres; in nothing known otherwise.

    Raises
    ------
    LocaldiscError
        If nibabel is missing.
    """
    ndim = len(shape)
    affine = np.diag([-1.0, -1.0, -1.0, 1.0])
    affine[:ndim, :ndim] = -matrix[:-1, :-1][::-1, ::-1]
    affine[:ndim, 3] = -matrix[:-1, -1][::-1]
    header = needed("nibabel", EXTRA, Path("mask.nii.gz")).Nifti1Header()
    header.set_xyzt_units("mm" if is_mm else "unknown")
    as_stored = np.array([(axis, 1) for axis in range(3)], dtype=np.float64)
    return NiftiGeometry(header, affine, shape[::-1], as_stored, axis=2)


class Nifti(Format):
    """NIfTI-1 and NIfTI-2 in one file, packed or not, or as a header with its pixels beside it."""

    suffixes = (".nii", ".nii.gz", HEADER)

    def recognises(self, path: Path, head: bytes, /) -> bool:
        """Whether a file begins as NIfTI does; what is packed goes by its name."""
        return is_header(head) or is_header_alone(head) or is_part_of_pair(path)

    def read(self, path: Path, /) -> tuple[Pixels, NiftiGeometry]:
        """Read an image or a volume; see `read_nifti`."""
        return read_nifti(path)

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a mask."""
        return NiftiGeometry.suffix


def read_nifti(path: Path) -> tuple[Pixels, NiftiGeometry]:
    """Read a NIfTI file upright, plane by plane as it was scanned.

    Returns
    -------
    pixels : ndarray, shape (H, W) or (N, H, W, 1)
        The planes of a volume follow each other along the axis with the thickest voxels, of equal
        ones from head to feet.
    geometry : NiftiGeometry

    Raises
    ------
    LocaldiscError
        If nibabel is missing, the file is damaged or too large, or it holds more than a volume of
        grey pixels.
    """
    nibabel = needed("nibabel", EXTRA, path)
    if is_part_of_pair(path):
        path = partner(path, HEADER)
    with decoding(path, "nibabel.global"), opened(path) as file, pixels_of(path) as pixels:
        kind = _checked(path, file.read(540), nibabel)
        file.seek(0)
        holders = {"header": file, "image": pixels or file}
        image = kind.from_file_map(
            {name: nibabel.FileHolder(fileobj=one) for name, one in holders.items()}
        )
        affine = np.asarray(image.affine, dtype=np.float64)
        check_affine(path, affine)
        stored = np.asarray(image.dataobj)
        (pixels or file).read(1)  # reaches the checksum of what is compressed
    return upright_planes(image.header, affine, stored)


def check_affine(path: Path, affine: npt.NDArray[np.float64]) -> None:
    """Refuse an affine map that gives pixels no place.

    Raises
    ------
    LocaldiscError
        Names the file.
    """
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise LocaldiscError(
            f"{path} has an affine that places no pixel (singular or not finite); correct its"
            " header."
        )


def upright_planes(
    header: Any, affine: npt.NDArray[np.float64], stored: Pixels
) -> tuple[Pixels, NiftiGeometry]:
    """Turn an array as a patient stands, and take it plane by plane.

    Parameters
    ----------
    header : nibabel.Nifti1Header or nibabel.Nifti2Header
        That of masks.
    affine : ndarray, shape (4, 4)
        From the indices of the array to millimetres to the right, front and head.
    stored : ndarray, of one to three axes

    Returns
    -------
    pixels : ndarray, shape (H, W) or (N, H, W, 1)
    geometry : NiftiGeometry
    """
    turn = _turn(affine)
    spatial = stored.reshape((*stored.shape, 1, 1)[:3])
    upright = importlib.import_module("nibabel.orientations").apply_orientation(spatial, turn)
    axis = _plane_axis(spatial.shape, affine, turn)
    geometry = NiftiGeometry(header, affine, stored.shape, turn, axis)
    planes = np.moveaxis(upright, axis, 0).swapaxes(1, 2)
    return (planes[0] if len(planes) == 1 else planes[..., None]), geometry


def _checked(path: Path, head: bytes, nibabel: Any) -> Any:
    """Find the class of image for a header, or refuse what the header says."""
    kinds = {
        b"n+2": nibabel.Nifti2Image, b"ni2": nibabel.Nifti2Pair, b"ni1": nibabel.Nifti1Pair
    }  # fmt: skip
    magic = head[4:7] if head[4:7] in (b"n+2", b"ni2") else head[344:347]
    kind = kinds.get(magic, nibabel.Nifti1Image)
    length = kind.header_class.template_dtype.itemsize
    if not (is_header(head) or is_header_alone(head)) or len(head) < length:
        is_other = path.suffix.lower() == HEADER
        raise LocaldiscError(
            f"{path} is a header of another kind than NIfTI, such as Analyze; convert it to .nii."
            if is_other
            else f"{path} is not a readable NIfTI file; export it again."
        )
    header = kind.header_class.from_fileobj(io.BytesIO(head[:length]))
    shape, dtype = header.get_data_shape(), header.get_data_dtype()
    sizes = (*shape, 1, 1)[:3]
    is_grey = dtype.kind in "buif"
    if not shape or min(shape) < 1 or math.prod(shape) != math.prod(sizes) or not is_grey:
        what = "complex" if dtype.kind == "c" else dtype
        raise LocaldiscError(
            f"{path} holds an array of shape {shape} and type {what}; expected one grey image or"
            " volume: save the part you want on its own."
        )
    planes, height, width = sorted(sizes)
    check_pixels(path, width, height, planes)
    if not 0 <= header.get_data_offset() <= _FARTHEST:
        raise LocaldiscError(
            f"{path} says that its pixels begin at byte {header.get_data_offset():.3g}, beyond the"
            f" limit of {_FARTHEST}; export it again without extensions."
        )
    return kind


def _turn(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    orientations = importlib.import_module("nibabel.orientations")
    stored = orientations.io_orientation(affine)
    return np.asarray(
        orientations.ornt_transform(stored, orientations.axcodes2ornt(_UPRIGHT)), dtype=np.float64
    )


def _plane_axis(
    shape: tuple[int, ...], affine: npt.NDArray[np.float64], turn: npt.NDArray[np.float64]
) -> int:
    """Choose the axis, as turned, that planes are taken across."""
    becomes = turn[:, 0].astype(int).tolist()
    flat = [axis for axis in (2, 1, 0) if shape[axis] == 1]
    if flat:
        return int(becomes[flat[0]])
    thickness = dict(zip(becomes, np.linalg.norm(affine[:3, :3], axis=0).tolist(), strict=True))
    thickest = max(thickness.values())
    return int(max(axis for axis, size in thickness.items() if size > 0.999 * thickest))
