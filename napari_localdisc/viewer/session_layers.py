"""What lies on a viewer's table, as a session that can be saved, and back again. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Shapes

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.stores.session_files import (
    Drawing,
    ImageRecord,
    LabelsRecord,
    Place,
    SavedSession,
    SessionRecord,
    ShapesRecord,
)
from napari_localdisc.viewer.drawing import TARGET
from napari_localdisc.viewer.image_reader import get_reader
from napari_localdisc.viewer.layers import (
    METADATA_KEY,
    plane_number,
    recipe_of,
    target_colours,
)
from napari_localdisc.viewer.session import RunSettings, session_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


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
        images=tuple(_image_records(viewer)),
        labels=tuple(_labels_record(layer) for layer in labels),
        drawings=tuple(_drawing(layer) for layer in viewer.layers if isinstance(layer, Shapes)),
    )
    # Copied, for the user may go on painting while it is written.
    maps = [np.array(layer.data[0] if layer.multiscale else layer.data) for layer in labels]
    prior = session.prior if session.settings.prior is None else None
    return SavedSession(record, prior, session.segmenter, maps)


def restore(saved: SavedSession, viewer: ViewerModel) -> None:
    """Put a session on a viewer's table, beside what lies there.

    Parameters
    ----------
    saved : SavedSession
        All of its images must be where it says.
    viewer : napari.components.ViewerModel
    """
    session, record = session_of(viewer), saved.record
    session.encoder_name, session.device = record.encoder, record.device
    if saved.prior is not None:
        session.prior = saved.prior
    settings = RunSettings.model_fields.keys() & SessionRecord.model_fields.keys()
    session.settle(**{name: getattr(record, name) for name in settings})
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


def _image_records(viewer: ViewerModel) -> Iterable[ImageRecord]:
    count: dict[str, int] = {}
    unticked = session_of(viewer).unticked
    for layer in viewer.layers:
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
        yield ImageRecord(
            name=layer.name,
            path=path,
            nth=nth,
            sha256="",
            place=_place(layer),
            guides=layer not in unticked,
            plane=plane_number(layer, viewer.dims),
        )


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
        if record.path not in opened:
            opened[record.path] = _opened(record.path, viewer)
        layers = opened[record.path]
        if record.nth < len(layers):
            layer = layers[record.nth]
            layer.name = record.name
            session_of(viewer).tick(layer, record.guides)
            for name, value in _arguments(record.place).items():
                setattr(layer, name, value)


def _opened(path: str, viewer: ViewerModel) -> list[Layer]:
    """Open an image, DICOM and NIfTI by our own reader; napari's own may take them, too."""
    plugin = "napari-localdisc" if get_reader(path) else None
    layers: list[Layer] = viewer.open(path, plugin=plugin)
    return layers


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
