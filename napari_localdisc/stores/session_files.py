"""Session files: everything on one viewer's table, to be opened again or run without a window.

A session file (``.localdisc``) is a zip archive of plain parts: ``session.json``, a prior file, a
segmenter file, and label maps as ``.npy``. Images are named by path, not copied. Nothing in it is
executed, and no name in it says where anything is written.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_localdisc.base.atomic import replacing
from napari_localdisc.base.errors import LocaldiscError, cannot_write
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.stores.prior_files import read_prior, save_prior
from napari_localdisc.stores.recipes import versions
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.stores.session_parts import check_parts, read_map

SUFFIX = ".localdisc"

_RECORD, _PRIOR, _SEGMENTER = "session.json", "prior.safetensors", "segmenter.safetensors"

_UNREADABLE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, KeyError, EOFError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, RuntimeError),
)
"""What is raised for parts that are missing, damaged or tell of too large an array; and by zipfile
for archives that are damaged, encrypted or packed in a way that it does not know."""

Floats = tuple[float, ...]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Record):
    """Where a layer lies, in napari's words."""

    scale: Floats
    translate: Floats
    rotate: tuple[Floats, ...]
    shear: Floats
    affine: tuple[Floats, ...]
    units: tuple[str, ...]
    axis_labels: tuple[str, ...]


class ImageRecord(_Record):
    """An image of the session: the `nth` layer that napari makes of a file.

    Attributes
    ----------
    guides : bool
        Whether it is ticked, to guide a segmenter.
    plane : int or None
        Number of the plane in view, from 0; the middle one if not given.
    visible : bool
    """

    name: str
    path: str
    nth: int = Field(ge=0)
    sha256: str
    place: Place
    guides: bool = True
    plane: int | None = Field(default=None, ge=0)
    visible: bool = True


class LabelsRecord(_Record):
    """A label map; its pixels lie in the archive, under its number.

    Attributes
    ----------
    image : str
        Name of the image that it is of; empty if that is not known.
    """

    name: str
    opacity: float = Field(ge=0, le=1)
    place: Place
    recipe: dict[str, Any]
    image: str = ""
    visible: bool = True


class Drawing(_Record):
    """One shape of a drawing."""

    kind: Literal["ellipse", "rectangle", "polygon", "path", "line"]
    corners: tuple[Floats, ...]
    target: str = ""
    width: float = 1.0


class ShapesRecord(_Record):
    """A drawing.

    Attributes
    ----------
    image : str
        Name of the image that was drawn on; empty if that is not known.
    """

    name: str
    place: Place
    shapes: tuple[Drawing, ...]
    image: str = ""
    visible: bool = True


class SessionRecord(_Record):
    """What ``session.json`` holds.

    Attributes
    ----------
    encoder, device : str
        Names, as the command line takes them.
    ready_made : str or None
        A shipped segmenter that is used as it is; it lies in the archive, too, once it has run.
    prior : str or None
        A built-in prior; None for the one in the archive, which may hold one that is not in use.
    seed : int
    quick : bool
    guide_images : int
        At most so many images guide a segmenter.
    every_plane : bool
        Whether all planes of stacks guide, or the one in view.
    images, labels, drawings : tuples of records
    made_with : dict of str to str
        Versions of this program and of what its results depend on.
    """

    version: Literal[1] = 1
    encoder: str = "auto"
    device: str = "auto"
    ready_made: str | None = None
    prior: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    quick: bool = False
    guide_images: int = Field(default=40, ge=1)
    every_plane: bool = True
    images: tuple[ImageRecord, ...] = ()
    labels: tuple[LabelsRecord, ...] = ()
    drawings: tuple[ShapesRecord, ...] = ()
    made_with: dict[str, str] = Field(default_factory=versions)


@dataclass(frozen=True)
class SavedSession:
    """A session as it is stored.

    Attributes
    ----------
    record : SessionRecord
    prior : Prior or None
    segmenter : SegmenterFile or None
    maps : sequence of ndarray of int
        The pixels of ``record.labels``.
    """

    record: SessionRecord
    prior: Prior | None = None
    segmenter: SegmenterFile | None = None
    maps: Sequence[npt.NDArray[np.integer[Any]]] = ()


def write_session(saved: SavedSession, path: Path) -> None:
    """Write a session to one file, whole or not at all.

    Raises
    ------
    LocaldiscError
        If the file cannot be written.
    """
    with (
        replacing(path, SUFFIX) as temporary,
        tempfile.TemporaryDirectory() as scratch,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr(_RECORD, saved.record.model_dump_json(indent=2))
        if saved.prior is not None:
            save_prior(saved.prior, Path(scratch) / _PRIOR)
            archive.write(Path(scratch) / _PRIOR, _PRIOR)
        if saved.segmenter is not None:
            archive.writestr(_SEGMENTER, saved.segmenter.content)
        for number, labels in enumerate(saved.maps):
            with archive.open(_map_name(number), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, _narrow(labels), allow_pickle=False)


def _narrow(labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
    """Give whole numbers the smallest type that holds them."""
    if labels.dtype.kind == "b" or not labels.size:
        return labels
    kinds = (np.min_scalar_type(end) for end in (labels.min(), labels.max()))
    return labels.astype(np.result_type(*kinds), copy=False)


def read_session(path: Path) -> SavedSession:
    """Read what `write_session` wrote.

    Raises
    ------
    LocaldiscError
        If the file is missing or no session, or a part of it is missing, damaged or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except FileNotFoundError as error:
        raise LocaldiscError(f"session {path} does not exist; check the path.") from error
    except _UNREADABLE as error:
        raise LocaldiscError(
            f"{path} is not a readable session ({error}); give a {SUFFIX} file written by this"
            " program."
        ) from error


def _read(archive: zipfile.ZipFile, path: Path) -> SavedSession:
    try:
        check_parts(archive, path, _RECORD, _PRIOR)
        # zipfile reads no more than the size that is declared, and checks the sum.
        record = SessionRecord.model_validate_json(archive.read(_RECORD))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise LocaldiscError(
            f"session {path} does not hold what it should (see {where!r}); save it again."
        ) from error
    names = set(archive.namelist())
    with tempfile.TemporaryDirectory() as scratch, _told_of(path, scratch):
        prior = segmenter = None
        if _PRIOR in names:
            prior = read_prior(_unpacked(archive, _PRIOR, Path(scratch)))
        if _SEGMENTER in names:
            segmenter = SegmenterFile.read(_unpacked(archive, _SEGMENTER, Path(scratch)))
    maps = [read_map(archive, _map_name(number)) for number in range(len(record.labels))]
    return SavedSession(record, prior, segmenter, maps)


@contextmanager
def _told_of(path: Path, scratch: str) -> Iterator[None]:
    """Say of a session what is wrong with one of its parts."""
    try:
        yield
    except LocaldiscError as error:
        text = str(error).replace(f"{Path(scratch)}{os.sep}", "")
        raise LocaldiscError(f"session {path} cannot be opened: {text}") from error


def _unpacked(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    target = folder / name
    content = archive.read(name)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise cannot_write(target, error) from error
    return target


def _map_name(number: int) -> str:
    return f"labels/{number}.npy"
