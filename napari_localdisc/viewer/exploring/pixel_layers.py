"""Looking at single pixels: which one is under the pointer, and what is like it. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels, Layer, Points
from napari.utils import DirectLabelColormap

from napari_localdisc.core.clusters.similarity import Pixel, nearest_places, similarity_map
from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane
from napari_localdisc.viewer.exploring.cluster_layers import ClusterLayers
from napari_localdisc.viewer.exploring.explore import ExploredPlane
from napari_localdisc.viewer.layers import METADATA_KEY, Plane, labels_layer, pixel_at, placement

if TYPE_CHECKING:
    from napari.components import ViewerModel

SELECTION = "#ff00ff"
"""Colour of what is selected: none of the clusters has it."""

_MARK = 0.015
"""Size of the marks on pixels, as a share of the image's longer side."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A pixel that is looked at."""

    explored: ExploredPlane
    pixel: Pixel

    @property
    def label(self) -> int:
        """Its cluster, before any merging."""
        return int(self.explored.labels[self.pixel])


@dataclass(frozen=True, eq=False)
class Likeness:
    """What is like a pixel.

    Attributes
    ----------
    spot : Spot
    similarity : ndarray of float32, shape (H, W)
        Cosine, in [-1, 1].
    places : list of tuple of int
        Pixels most like it, best first; empty if not asked for.
    """

    spot: Spot
    similarity: npt.NDArray[np.float32]
    places: list[Pixel]

    @classmethod
    def of(cls, spot: Spot, seen: EmbeddedPlane, *, with_places: bool) -> Likeness:
        """Compare all pixels of a plane with one of them."""
        alike = similarity_map(seen.embedding, spot.pixel)
        places = nearest_places(alike, spot.pixel, seen.labels > 0) if with_places else []
        return cls(spot, alike, places)


def spot_under(
    viewer: ViewerModel, layers: ClusterLayers, position: Sequence[float], cell: tuple[int, int]
) -> Spot | None:
    """Find the pixel under the pointer, on the topmost visible layer whose image is explored.

    Parameters
    ----------
    viewer : ViewerModel
    layers : ClusterLayers
    position : sequence of float
        World coordinates of the pointer.
    cell : tuple of int
        The part of napari's grid that it is in.
    """
    if viewer.dims.ndisplay != 2:
        return None
    grid = getattr(viewer, "canvas", viewer).grid
    for number, layer in reversed(list(enumerate(viewer.layers))):
        image = layers.image_of(layer)
        beside = grid.enabled and grid.position(number, viewer.layers) != cell
        if image is None or image not in viewer.layers or not layer.visible or beside:
            continue
        pixel = pixel_at(image, position, viewer.dims.units)
        if pixel is None:
            continue
        for explored in layers.planes(image):
            if explored.plane.index == pixel[:-2]:
                return Spot(explored, (pixel[-2], pixel[-1]))
    return None


class PixelLayers:
    """A similarity map, marks on the places most alike, and pixels selected elsewhere.

    Each is one layer that is used again; one that the user removes comes back when it is asked for
    anew, not while the pointer moves on.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._heat: Image | None = None
        self._marks: Points | None = None
        self._selected: dict[Image, Labels] = {}

    def show_similarity(self, found: Likeness, recipe: dict[str, Any], *, anew: bool) -> None:
        """Show how alike all pixels of a plane are."""
        plane = found.spot.explored.plane
        if self._heat is not None and self._heat not in self._viewer.layers:
            if not anew:
                return
            self._heat = None
        data = found.similarity.reshape((1,) * (plane.layer.ndim - 2) + found.similarity.shape)
        about = {METADATA_KEY: {**recipe, **_about(found.spot, "similarity")}}
        name = f"{plane.name} similarity"
        if self._heat is not None and self._heat.ndim == data.ndim:
            self._heat.data = data
            _update(self._heat, {"name": name, "metadata": about, **placement([plane])})
            return
        if self._heat is not None:
            self._viewer.layers.remove(self._heat)
        self._heat = Image(
            data,
            name=name,
            metadata=about,
            colormap="inferno",
            contrast_limits=(0, 1),
            opacity=0.8,
            **placement([plane]),
        )
        self._add(self._heat)

    def show_places(self, found: Likeness, recipe: dict[str, Any]) -> None:
        """Mark a pixel and the places that are most like it."""
        plane, pixels = found.spot.explored.plane, [found.spot.pixel, *found.places]
        data = np.array([(*plane.index, *pixel) for pixel in pixels], dtype=float)
        about = {
            "name": f"{plane.name} most alike",
            "metadata": {METADATA_KEY: {**recipe, **_about(found.spot, "most alike")}},
            "features": {
                "rank": list(range(len(pixels))),
                "similarity": [float(found.similarity[pixel]) for pixel in pixels],
            },
        }
        if self._marks is not None and self._marks in self._viewer.layers:
            if self._marks.data.shape == data.shape:
                self._marks.data = data
                _update(self._marks, {**about, **whole_image(plane)})
                return
            self._viewer.layers.remove(self._marks)
        self._marks = Points(
            data,
            symbol=["cross", *["disc"] * len(found.places)],
            size=max(3.0, _MARK * max(plane.shape)),
            face_color="transparent",
            border_color="cyan",
            border_width=0.2,
            **about,
            **whole_image(plane),
        )
        self._add(self._marks)

    def show_selected(
        self, image: Image, planes: Sequence[Plane], masks: Sequence[npt.NDArray[np.bool_]]
    ) -> None:
        """Show pixels that were selected by their embedding."""
        labels = [mask.astype(np.uint8) for mask in masks]
        name, recipe = f"{image.name} selected pixels", {"kind": "selected", "image": image.name}
        layer = self._selected.get(image)
        fresh = labels_layer(planes, labels, name, recipe)
        fresh.colormap = DirectLabelColormap(color_dict={None: "transparent", 1: SELECTION})
        if layer is not None and layer in self._viewer.layers:
            if layer.data.shape == fresh.data.shape:
                layer.data[...] = fresh.data
                layer.refresh()
                return
            self._viewer.layers.remove(layer)
        self._selected[image] = fresh
        self._add(fresh)

    def clear_selected(self) -> None:
        """Take away what shows selected pixels."""
        for layer in self._selected.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._selected.clear()

    def _add(self, layer: Layer) -> None:
        with keeping_selection(self._viewer):
            self._viewer.add_layer(layer)


def whole_image(plane: Plane) -> dict[str, Any]:
    """Return the layer arguments that put coordinates of an image's own where they belong."""
    return placement([Plane(plane.layer, (0,) * len(plane.index), plane.source)])


@contextmanager
def keeping_selection(viewer: ViewerModel) -> Iterator[None]:
    """Leave the user's layer selected, although others are added."""
    active, selected = viewer.layers.selection.active, set(viewer.layers.selection)
    yield
    viewer.layers.selection = {layer for layer in selected if layer in viewer.layers}
    if active in viewer.layers:
        viewer.layers.selection.active = active


def _update(layer: Layer, attributes: Mapping[str, Any]) -> None:
    """Set attributes of a layer; transforms only where they changed, for each draws it anew."""
    for name, value in attributes.items():
        current = getattr(layer, name)
        if name == "affine":
            current = current.affine_matrix
        if name in ("metadata", "features") or not np.array_equal(current, value):
            setattr(layer, name, value)


def _about(spot: Spot, kind: str) -> dict[str, Any]:
    return {"kind": kind, "image": spot.explored.plane.name, "pixel": list(spot.pixel)}
