"""What a run has found so far, as layers of the viewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_localdisc.layers import Plane, labels_layer, target_colours


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

    def update(self, labels: npt.NDArray[np.uint8]) -> None:
        """Show a label map of the first plane."""
        if not self.planes:
            return
        plane = self.planes[0]
        if self._layer is None:
            if plane.layer in self._viewer.layers:
                name = f"{plane.name} {self._title} (preview)"
                layer = labels_layer([plane], [labels], name, {"kind": "preview"})
                self._layer = self._viewer.add_layer(_see_through(layer))
        elif self._layer in self._viewer.layers:
            self._layer.data = labels.reshape(self._layer.data.shape)

    def finish(
        self, maps: Sequence[npt.NDArray[np.uint8]], recipe: Mapping[str, Any]
    ) -> list[Labels]:
        """Replace the preview by the results, one Labels layer for each image still there.

        Parameters
        ----------
        maps : sequence of ndarray of uint8, shape (H, W)
            One for each plane.
        recipe : mapping
            Kept by every layer.
        """
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        images = dict.fromkeys(plane.layer for plane in self.planes)
        still_there = [image for image in images if image in self._viewer.layers]
        return [self._result(image, maps, recipe) for image in still_there]

    def _result(
        self, image: Image, maps: Sequence[npt.NDArray[np.uint8]], recipe: Mapping[str, Any]
    ) -> Labels:
        mine = [
            (plane, labels)
            for plane, labels in zip(self.planes, maps, strict=True)
            if plane.layer is image
        ]
        planes, labels = zip(*mine, strict=True)
        name = f"{image.name} {self._title}"
        layer = labels_layer(planes, labels, name, {**recipe, "image": image.name})
        return self._viewer.add_layer(_see_through(layer))


def _see_through(layer: Labels) -> Labels:
    layer.colormap = target_colours()
    layer.opacity = 0.5
    return layer
