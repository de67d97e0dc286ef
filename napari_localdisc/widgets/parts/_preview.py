"""What a run has found so far, as layers of the viewer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.viewer.layers import (
    METADATA_KEY,
    PREVIEW,
    SEGMENTATION,
    UNFINISHED,
    Plane,
    finest,
    labels_layer,
    target_colours,
)
from napari_localdisc.viewer.preferences import preferences
from napari_localdisc.viewer.saving import checksum, fingerprint
from napari_localdisc.viewer.visibility import add_layer, image_in_view, show_image, show_plane


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
        """Show a label map of the first plane; its image comes into view with the first map."""
        if not self.planes:
            return
        plane = self.planes[0]
        if self._layer is None:
            if plane.layer in self._viewer.layers:
                name = f"{plane.name} {self._title} (preview)"
                layer = labels_layer([plane], [labels], name, {"kind": PREVIEW})
                self._layer = self._viewer.add_layer(_see_through(layer))
                show_image(self._viewer, plane.layer, self._layer, alone=True)
        elif self._layer in self._viewer.layers:
            self._layer.data = labels.reshape(self._layer.data.shape)

    def keep(self) -> None:
        """Leave the preview as it is, for a run that will not be finished."""
        if self._layer is not None and self._layer in self._viewer.layers:
            image = self.planes[0].layer
            self._layer.name = f"{self.planes[0].name} {self._title} (unfinished)"
            self._layer.metadata[METADATA_KEY] |= {"kind": UNFINISHED, **_source(image)}
        self._layer = None

    def finish(self, found: Sequence[Segmentation], recipe: Mapping[str, Any]) -> Iterator[None]:
        """Replace the preview by the results, one Labels layer for each image still there.

        The view stays where it is: a result is shown if its image is, and hidden otherwise.

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
                self._results[image] = add_layer(self._viewer, result)
                yield
        shown = image_in_view(self._viewer)
        if shown in self._results:
            show_image(self._viewer, shown, self._results[shown])
            self._viewer.layers.selection.active = self._results[shown]

    def show_only(self, plane: Plane) -> None:
        """Bring a plane and its result into view, and hide all other images."""
        shown = self._results.get(plane.layer)
        if shown is None or shown not in self._viewer.layers:
            return
        show_plane(self._viewer, plane, shown)
        self._viewer.layers.selection.active = shown

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
