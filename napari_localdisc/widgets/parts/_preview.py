"""What a run has found so far, as layers of the viewer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.viewer.drawing import is_drawing
from napari_localdisc.viewer.layers import (
    METADATA_KEY,
    PREVIEW,
    SEGMENTATION,
    UNFINISHED,
    Plane,
    finest,
    labels_layer,
    recipe_of,
    target_colours,
)
from napari_localdisc.viewer.preferences import preferences
from napari_localdisc.viewer.saving import checksum, fingerprint


class Preview:
    """The live label map on the first image, then the results on all of them.

    Layers that the user removes are left alone: a removed preview does not come back, and a
    removed image gets no result.

    Attributes
    ----------
    planes : list of Plane
        What the results belong to; the preview is of the first.
    """

    def __init__(self, viewer: ViewerModel, planes: Sequence[Plane], title: str) -> None:
        self._viewer = viewer
        self.planes = list(planes)
        self._title = title
        self._layer: Labels | None = None
        self._results: dict[Image, Labels] = {}

    def update(self, labels: npt.NDArray[np.uint8]) -> None:
        """Show a label map of the first plane."""
        if not self.planes:
            return
        plane = self.planes[0]
        if self._layer is None:
            if plane.layer in self._viewer.layers:
                name = f"{plane.name} {self._title} (preview)"
                layer = labels_layer([plane], [labels], name, {"kind": PREVIEW})
                self._uncover(plane.layer)
                self._layer = self._viewer.add_layer(_see_through(layer))
        elif self._layer in self._viewer.layers:
            self._layer.data = labels.reshape(self._layer.data.shape)

    def _uncover(self, shown: Image) -> None:
        """Hide what would lie on the preview: other images, drawings, what earlier runs found."""
        for layer in self._viewer.layers:
            kind = (recipe_of(layer) or {}).get("kind")
            if is_drawing(layer) or kind in (SEGMENTATION, UNFINISHED):
                layer.visible = False
        for image in dict.fromkeys(plane.layer for plane in self.planes):
            if image is not shown:
                image.visible = False

    def keep(self) -> None:
        """Leave the preview as it is, for a run that will not be finished."""
        if self._layer is not None and self._layer in self._viewer.layers:
            image = self.planes[0].layer
            self._layer.name = f"{self.planes[0].name} {self._title} (unfinished)"
            self._layer.metadata[METADATA_KEY] |= {"kind": UNFINISHED, **_source(image)}
        self._layer = None

    def finish(self, found: Sequence[Segmentation], recipe: Mapping[str, Any]) -> Iterator[None]:
        """Replace the preview by the results, one Labels layer for each image still there.

        The first of them is shown: images that were opened one by one lie on one another, and so
        would their results.

        Parameters
        ----------
        found : sequence of Segmentation
            One for each plane.
        recipe : mapping
            Kept by every layer.

        Yields
        ------
        None
            After each layer, for napari takes its time to add or remove one.
        """
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
            yield
        self._results = {}
        for image in dict.fromkeys(plane.layer for plane in self.planes):
            if image in self._viewer.layers:
                result = self._result(image, found, recipe)
                result.visible = not self._results
                self._results[image] = self._viewer.add_layer(result)
                yield
        if len(self._results) > 1:
            self.show_only(self.planes[0])

    def show_only(self, plane: Plane) -> None:
        """Bring a plane and its result into view, and hide the other images of the run."""
        shown = self._results.get(plane.layer)
        if shown is None or shown not in self._viewer.layers:
            return
        for image, result in self._results.items():
            image.visible = result.visible = result is shown
        self._viewer.layers.selection.active = shown
        centre = plane.layer.data_to_world((*plane.index, *(side / 2 for side in plane.shape)))
        for axis, at in enumerate(centre[:-2], start=self._viewer.dims.ndim - plane.layer.ndim):
            self._viewer.dims.set_point(axis, at)

    def _result(
        self, image: Image, found: Sequence[Segmentation], recipe: Mapping[str, Any]
    ) -> Labels:
        mine = [
            (plane, one)
            for plane, one in zip(self.planes, found, strict=True)
            if plane.layer is image
        ]
        planes = [plane for plane, _ in mine]
        layer = labels_layer(
            planes, [one.labels for _, one in mine], f"{image.name} {self._title}", recipe
        )
        layer.metadata[METADATA_KEY] |= {
            "kind": SEGMENTATION,
            **_source(image),
            "confidence": [round(one.score, 4) for _, one in mine],
            "fingerprint": fingerprint(layer.data),
        }
        return _see_through(layer)


def _source(image: Image) -> dict[str, Any]:
    path = image.source.path
    seen = {"seen": checksum(finest(image), image.rgb)} if path else {}
    return {"image": image.name, "path": path, **seen}


def _see_through(layer: Labels) -> Labels:
    layer.colormap = target_colours()
    layer.opacity = preferences().opacity
    return layer
