"""What lies on a viewer's table, to a session file and back. No Qt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Shapes

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.core.progress import Progress, Run
from napari_localdisc.drawing import TARGET
from napari_localdisc.io.session_file import (
    Drawing,
    ImageRecord,
    LabelsRecord,
    Place,
    SavedSession,
    SessionRecord,
    ShapesRecord,
    read_session,
    write_session,
)
from napari_localdisc.layers import METADATA_KEY, recipe_of, target_colours
from napari_localdisc.session import AUTOMATIC, session_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


@dataclass(frozen=True)
class OpenedSession:
    """A session read from a file.

    Attributes
    ----------
    saved : SavedSession
        The paths of its images are those that exist, where any does.
    notes : tuple of str
        A sentence for each image that is missing or is not what it was.
    """

    saved: SavedSession
    notes: tuple[str, ...]


def collect(viewer: ViewerModel) -> SavedSession:
    """Gather what a session file keeps: images by path, label maps, drawings, choices.

    Pictures that this program made are left out; they are quickly made again.

    Raises
    ------
    LocaldiscError
        If an image is in no file.
    """
    session = session_of(viewer)
    labels = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    record = SessionRecord(
        encoder=session.encoder_name,
        device=session.device,
        **session.settings.model_dump(),
        images=tuple(_image_records(viewer.layers)),
        labels=tuple(_labels_record(layer) for layer in labels),
        drawings=tuple(_drawing(layer) for layer in viewer.layers if isinstance(layer, Shapes)),
    )
    # Copied, for the user may go on painting while it is written.
    maps = [np.array(layer.data[0] if layer.multiscale else layer.data) for layer in labels]
    prior = session.prior if session.settings.prior is None else None
    return SavedSession(record, prior, session.segmenter, maps)


def save_session(saved: SavedSession, path: Path) -> Run[Path]:
    """Note what the images are at the moment, and write the session; returns the path."""
    images = []
    for number, image in enumerate(saved.record.images):
        yield Progress("read", number, len(saved.record.images), f"Reading {image.name}")
        images.append(image.model_copy(update={"sha256": _sha256(Path(image.path))}))
    record = saved.record.model_copy(update={"images": tuple(images)})
    write_session(replace(saved, record=record), path)
    return path


def open_session(path: Path) -> Run[OpenedSession]:
    """Read a session file and look whether its images are what they were.

    An image that has gone is looked for beside the session file.

    Raises
    ------
    LocaldiscError
        If the file is no session.
    """
    yield Progress("read", 0, 1, f"Reading {path.name}")
    saved = read_session(path)
    images, notes = [], []
    for number, image in enumerate(saved.record.images):
        yield Progress("read", number, len(saved.record.images), f"Checking {image.name}")
        places = (Path(image.path), path.absolute().parent / Path(image.path).name)
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            notes.append(f"image {image.path} of session {path.name} is gone; bring it back.")
        elif _sha256(found) != image.sha256:
            notes.append(f"image {found} has changed since session {path.name} was saved.")
        images.append(image.model_copy(update={"path": str(found or image.path)}))
    record = saved.record.model_copy(update={"images": tuple(images)})
    return OpenedSession(replace(saved, record=record), tuple(notes))


def restore(saved: SavedSession, viewer: ViewerModel) -> None:
    """Put a session on a viewer's table, beside what lies there.

    Images that are gone are left out.
    """
    session, record = session_of(viewer), saved.record
    session.encoder_name, session.device = record.encoder or AUTOMATIC, record.device
    if saved.prior is not None:
        session.prior = saved.prior
    session.settle(prior=record.prior, seed=record.seed, quick=record.quick)
    if saved.segmenter is not None:
        session.segmenter = saved.segmenter
    _open_images(record.images, viewer)
    for drawn in record.drawings:
        viewer.add_layer(_shapes(drawn))
    for labels, data in zip(record.labels, saved.maps, strict=True):
        layer = Labels(data, name=labels.name, opacity=labels.opacity, **_arguments(labels.place))
        if labels.recipe:
            layer.metadata[METADATA_KEY] = labels.recipe
            layer.colormap = target_colours()
        viewer.add_layer(layer)


def _image_records(layers: Iterable[Layer]) -> Iterable[ImageRecord]:
    count: dict[str, int] = {}
    for layer in layers:
        if not isinstance(layer, Image) or recipe_of(layer) is not None:
            continue
        if not layer.source.path:
            raise LocaldiscError(
                f"image {layer.name!r} is in no file, and a session names images by their files;"
                " save the image first (File > Save Selected Layers) and open it from there."
            )
        path = str(Path(layer.source.path).absolute())
        nth = count.get(path, 0)
        count[path] = nth + 1
        yield ImageRecord(name=layer.name, path=path, nth=nth, sha256="", place=_place(layer))


def _labels_record(layer: Labels) -> LabelsRecord:
    recipe = recipe_of(layer) or {}
    return LabelsRecord(name=layer.name, opacity=layer.opacity, place=_place(layer), recipe=recipe)


def _drawing(layer: Shapes) -> ShapesRecord:
    targets = layer.features.get(TARGET, [""] * len(layer.data))
    drawn = zip(layer.shape_type, layer.data, targets, layer.edge_width, strict=True)
    shapes = tuple(
        Drawing(kind=kind, corners=_rows(corners), target=str(target), width=float(width))
        for kind, corners, target, width in drawn
    )
    return ShapesRecord(name=layer.name, place=_place(layer), shapes=shapes)


def _shapes(record: ShapesRecord) -> Shapes:
    shapes = record.shapes
    return Shapes(
        [np.array(shape.corners) for shape in shapes] or None,
        ndim=len(record.place.scale),
        shape_type=[shape.kind for shape in shapes] or "rectangle",
        edge_width=[shape.width for shape in shapes] or 1,
        features={TARGET: [shape.target for shape in shapes]},
        name=record.name,
        edge_color="#ffb000",
        face_color="#ffb00040",
        **_arguments(record.place),
    )


def _open_images(records: Sequence[ImageRecord], viewer: ViewerModel) -> None:
    opened: dict[str, list[Layer]] = {}
    for record in records:
        if not Path(record.path).is_file():
            continue
        if record.path not in opened:
            opened[record.path] = viewer.open(record.path)
        layers = opened[record.path]
        if record.nth < len(layers):
            layer = layers[record.nth]
            layer.name = record.name
            for name, value in _arguments(record.place).items():
                setattr(layer, name, value)


def _place(layer: Layer) -> Place:
    return Place(
        scale=tuple(map(float, layer.scale)),
        translate=tuple(map(float, layer.translate)),
        rotate=_rows(layer.rotate),
        shear=tuple(map(float, layer.shear)),
        affine=_rows(layer.affine.affine_matrix),
        units=tuple(map(str, layer.units)),
        axis_labels=tuple(layer.axis_labels),
    )


def _arguments(place: Place) -> dict[str, Any]:
    arrays = {name: np.array(getattr(place, name)) for name in ("rotate", "affine")}
    return {**place.model_dump(), **arrays}


def _rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in np.asarray(matrix))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LocaldiscError(
            f"{path} cannot be read ({error.strerror}); check that it is still there."
        ) from error
