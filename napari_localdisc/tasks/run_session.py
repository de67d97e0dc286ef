"""A session saved in a viewer, run without one: the same images, prior and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.run_files import RunOptions
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.datasets.sample import nothing_read
from napari_localdisc.stores.segmenters import load_content
from napari_localdisc.stores.session_files import ImageRecord, SavedSession, SessionRecord
from napari_localdisc.stores.session_images import open_session
from napari_localdisc.tasks.guide import Guide, guide_config, guide_for_folder, prepare_guide
from napari_localdisc.tasks.planes import FilePlane, FilePlanes
from napari_localdisc.tasks.segment_folder import FolderOutput, FolderResult, segment_with


@dataclass(frozen=True)
class Instead:
    """What a run takes in place of what its session says; None for the session's own."""

    encoder: str | None = None
    device: str | None = None
    seed: int | None = None
    quick: bool | None = None
    guide_images: int | None = None

    def applied(self, record: SessionRecord) -> SessionRecord:
        """Give the record with these settings."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return record.model_copy(update={k: v for k, v in own.items() if v is not None})


@dataclass(frozen=True)
class SessionOutput:
    """Where the masks of a session go, and how; see `FolderOutput`."""

    folder: Path
    run_options: RunOptions = field(default_factory=RunOptions)
    confidence: bool = False


@dataclass(frozen=True)
class SessionResult:
    """What became of a session.

    Attributes
    ----------
    folder : FolderResult
    gone : tuple of str
        Paths of images that are not there any more.
    """

    folder: FolderResult
    gone: tuple[str, ...]


def run_session(
    session: Path, output: SessionOutput, instead: Instead | None = None
) -> Run[SessionResult]:
    """Segment the images of a session by its segmenter, or guide by its prior first.

    Guidance is that of the panel: on the planes of the images that are ticked, those in view first.
    A segmenter that it finds is kept in the folder, so that the same run again goes on.

    Parameters
    ----------
    session : Path
        A session file.
    output : SessionOutput
    instead : Instead, optional

    Yields
    ------
    Progress
        Stage ``"warn"`` for images that are gone or have changed; then those of guidance and of
        `segment_files`.

    Raises
    ------
    LocaldiscError
        If the file is no session, has no image that is still there, or holds neither segmenter nor
        prior; or as `segment_by_prior` does.
    """
    opened = yield from open_session(session)
    for number, note in enumerate(opened.notes):
        yield Progress("warn", number, len(opened.notes), note)
    record = (instead or Instead()).applied(opened.saved.record)
    files = list(dict.fromkeys(Path(image.path) for image in record.images))
    if not files:
        raise LocaldiscError(
            f"session {session} has no image that is where it was; bring its images back."
        )
    settings = {"session": str(session)}
    folder = FolderOutput(
        output.folder, record.device, output.run_options, output.confidence, settings
    )
    folder.check(files)
    file = opened.saved.segmenter
    if file is not None:
        segmenter = load_content(file.content, session)
    else:
        segmenter = yield from _guided(session, opened.saved, record, files, folder)
    return SessionResult((yield from segment_with(files, segmenter, folder)), opened.gone)


def _guided(
    session: Path,
    saved: SavedSession,
    record: SessionRecord,
    files: Sequence[Path],
    output: FolderOutput,
) -> Run[Segmenter]:
    """Guide as the panel would, or take the segmenter that an earlier run has guided."""
    prior = record.prior or saved.prior
    if prior is None:
        raise LocaldiscError(
            f"session {session} holds neither a segmenter nor a prior; choose a prior in napari and"
            " save it again."
        )
    planes = yield from _planes(session, record)
    config = guide_config(record.quick, record.seed, record.guide_images)
    ready = yield from prepare_guide(planes, prior, record.encoder, config, output.device)
    return (
        yield from guide_for_folder(
            files,
            ready,
            ready.on_planes(planes),
            output.folder,
            output.run_options.overwrite,
            {"planes": _drawn(ready, planes)},
        )
    )


def _planes(session: Path, record: SessionRecord) -> Run[list[FilePlane]]:
    """List the planes that guide, those in view first; files that cannot be read are left out."""
    ticked: dict[str, ImageRecord] = {}
    for image in record.images:
        if image.guides:
            ticked.setdefault(image.path, image)
    listing = FilePlanes()
    in_view, others, errors = list[FilePlane](), list[FilePlane](), list[str]()
    for number, (path, image) in enumerate(ticked.items()):
        yield Progress("read", number, len(ticked), f"Reading {image.name}")
        try:
            planes = list(listing.of(Path(path)))
        except LocaldiscError as error:  # reported when it is to be segmented
            errors.append(str(error))
            continue
        in_view.append(planes.pop(_shown(image, len(planes))))
        others += planes if record.every_plane else []
    if errors and not in_view:
        raise nothing_read(errors)
    if not in_view:
        raise LocaldiscError(
            f"no image of session {session} is ticked to guide; tick one in napari and save it"
            " again."
        )
    return in_view + others


def _shown(image: ImageRecord, count: int) -> int:
    return count // 2 if image.plane is None else min(image.plane, count - 1)


def _drawn(ready: Guide, planes: Sequence[FilePlane]) -> str:
    """Hash which planes guide, and in which order."""
    drawn: list[Any] = [
        (str(planes[index].path.resolve()), planes[index].index)
        for index in ready.config.draw(len(planes))
    ]
    return hashlib.sha256(json.dumps(drawn).encode()).hexdigest()
