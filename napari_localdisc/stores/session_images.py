"""The images of a session file, which it names by path: are they there, are they what they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.stores.session_files import (
    ImageRecord,
    SavedSession,
    read_session,
    write_session,
)


@dataclass(frozen=True)
class OpenedSession:
    """A session read from a file.

    Attributes
    ----------
    saved : SavedSession
        Its images are those that were found, at the paths where they are.
    notes : tuple of str
        A sentence for each image that is gone or is not what it was.
    gone : tuple of str
        The paths of those that are gone.
    """

    saved: SavedSession
    notes: tuple[str, ...]
    gone: tuple[str, ...] = ()


def save_session(saved: SavedSession, path: Path) -> Run[Path]:
    """Note what the images are at the moment, and write the session; returns the path.

    Raises
    ------
    LocaldiscError
        If an image is gone, or the file cannot be written.
    """
    images = []
    for number, image in enumerate(saved.record.images):
        yield Progress("read", number, len(saved.record.images), f"Reading {image.name}")
        images.append(image.model_copy(update={"sha256": _sha256(Path(image.path))}))
    write_session(_with_images(saved, images), path)
    return path


def open_session(path: Path) -> Run[OpenedSession]:
    """Read a session file and look for its images, where they were and beside the file.

    Raises
    ------
    LocaldiscError
        If the file is no session.
    """
    yield Progress("read", 0, 1, f"Reading {path.name}")
    saved = read_session(path)
    images, notes, gone = list[ImageRecord](), list[str](), list[str]()
    for number, image in enumerate(saved.record.images):
        yield Progress("read", number, len(saved.record.images), f"Checking {image.name}")
        places = (Path(image.path), path.absolute().parent / Path(image.path).name)
        found = next((place for place in places if place.exists()), None)
        if found is None:
            notes.append(f"image {image.path} of session {path.name} is gone; bring it back.")
            gone.append(image.path)
            continue
        images.append(image.model_copy(update={"path": str(found)}))
        if _sha256(found) != image.sha256:
            notes.append(f"image {found} has changed since session {path.name} was saved.")
    return OpenedSession(_with_images(saved, images), tuple(notes), tuple(gone))


def _with_images(saved: SavedSession, images: Sequence[ImageRecord]) -> SavedSession:
    record = saved.record.model_copy(update={"images": tuple(images)})
    return replace(saved, record=record)


def _sha256(path: Path) -> str:
    try:
        return Fingerprint.of(path).sha256
    except OSError as error:
        raise LocaldiscError(
            f"{path} cannot be read ({error.strerror}); check that it is still there."
        ) from error
