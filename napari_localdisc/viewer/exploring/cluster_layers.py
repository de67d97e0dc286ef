"""The layers that show clusters in a viewer, and follow how they are merged and named. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels, Layer
from napari.utils import DirectLabelColormap

from napari_localdisc.core.clusters.grouping import Grouping
from napari_localdisc.reports.palette import cluster_colour
from napari_localdisc.viewer.exploring.explore import ExploredPlane, ExploredPlanes
from napari_localdisc.viewer.layers import METADATA_KEY, labels_layer, picture_layer
from napari_localdisc.viewer.visibility import add_layer, hide

if TYPE_CHECKING:
    from napari.components import ViewerModel

_BORDER = 1
"""Width of borders in pixels, where only they are shown."""


class ClusterLayers:
    """Cluster maps and pictures of the images of one exploration.

    Layers are held, never looked up by name. What the user removes is left alone, and what the user
    paints into a cluster map stays painted.

    Parameters
    ----------
    viewer : ViewerModel
    exploration : ExploredPlanes
    grouping : Grouping
        Changed from outside; call `regroup` then.

    Attributes
    ----------
    isolated : int or None
        The only cluster shown.
    """

    def __init__(
        self, viewer: ViewerModel, exploration: ExploredPlanes, grouping: Grouping
    ) -> None:
        self._viewer = viewer
        self._exploration = exploration
        self._grouping = grouping
        self._lookup = grouping.lookup
        self._maps: dict[Image, Labels] = {}
        self._pictures: dict[Image, Image] = {}
        self._planes: dict[Image, list[ExploredPlane]] = {}
        for explored in exploration.planes:
            self._planes.setdefault(explored.plane.layer, []).append(explored)
        self.isolated: int | None = None
        self._opacity, self._borders = 0.5, False

    @property
    def images(self) -> list[Image]:
        """Images that are still there."""
        return [image for image in self._planes if image in self._viewer.layers]

    @property
    def maps(self) -> list[Labels]:
        """Cluster maps that are still there."""
        return [layer for layer in self._maps.values() if layer in self._viewer.layers]

    def planes(self, image: Image) -> list[ExploredPlane]:
        """Return what is known of the planes of an image."""
        return self._planes.get(image, [])

    def image_of(self, layer: Layer) -> Image | None:
        """Return the image that a layer is, or was made of."""
        if layer in self._planes:
            return layer
        for made in (self._maps, self._pictures):
            for image, result in made.items():
                if result is layer:
                    return image
        return None

    def add(self, image: Image, *, clusters: bool, picture: bool) -> None:
        """Show the results of an image that is still there."""
        planes = [explored.plane for explored in self._planes[image]]
        recipe = self._recipe(image)
        name = planes[0].name if len(planes) == 1 else image.name
        if picture:
            pictures = [explored.picture for explored in self._planes[image]]
            layer = picture_layer(planes, pictures, f"{name} embedding", recipe)
            layer.visible = not clusters
            self._pictures[image] = add_layer(self._viewer, layer)
        if clusters:
            layer = labels_layer(planes, self._labels(image), f"{name} clusters", recipe)
            layer.colormap = cluster_colours(self._exploration.count)
            layer.features = self._features(image)
            self._maps[image] = add_layer(self._viewer, layer)
            self._style(layer)

    def hide(self) -> None:
        """Leave the view to the results of another run."""
        hide(*self._maps.values(), *self._pictures.values())

    def show_as(self, *, opacity: float, borders: bool) -> None:
        """Set how cluster maps are drawn."""
        self._opacity, self._borders = opacity, borders
        for layer in self.maps:
            self._style(layer)

    def isolate(self, label: int | None) -> None:
        """Show only one cluster, or all."""
        self.isolated = label
        for layer in self.maps:
            self._style(layer)

    def regroup(self) -> None:
        """Show the clusters as they are grouped and named by now."""
        before, self._lookup = self._lookup, self._grouping.lookup
        for image, layer in self._maps.items():
            if layer in self._viewer.layers:
                if not np.array_equal(before, self._lookup):
                    self._relabel(image, layer, before)
                layer.features = self._features(image)
                layer.metadata = {**layer.metadata, METADATA_KEY: self._recipe(image)}
        if self.isolated is not None:
            self.isolate(int(self._lookup[self.isolated]))

    def export(self, chosen: Sequence[int]) -> list[Labels]:
        """Add a Labels layer for each image with some of its clusters, as they are now."""
        return [self._export(image, chosen) for image in self.images]

    def _export(self, image: Image, chosen: Sequence[int]) -> Labels:
        explored = self._planes[image]
        planes = [each.plane for each in explored]
        names = ", ".join(self._grouping.name(label) for label in chosen)
        recipe = {**self._recipe(image), "chosen": list(chosen)}
        layer = labels_layer(planes, self._labels(image), f"{image.name}: {names}", recipe)
        shown = self._maps.get(image)
        if shown is not None and shown in self._viewer.layers and _same_shape(shown, layer):
            layer.data[...] = shown.data
        layer.data[~np.isin(layer.data, chosen)] = 0
        layer.colormap = cluster_colours(self._exploration.count)
        table = self._features(image)
        keep = [at for at, label in enumerate(table["index"]) if label in chosen]
        layer.features = {name: [column[at] for at in keep] for name, column in table.items()}
        return add_layer(self._viewer, layer)

    def _labels(self, image: Image) -> list[npt.NDArray[np.uint8]]:
        return [self._lookup[explored.labels] for explored in self._planes[image]]

    def _relabel(self, image: Image, layer: Labels, before: npt.NDArray[np.uint8]) -> None:
        """Move pixels to their new group; what was painted moves only with the group it is in."""
        planes = self._planes[image]
        found = labels_layer(
            [each.plane for each in planes], [each.labels for each in planes], "", {}
        )
        if not _same_shape(found, layer):
            return
        untouched = layer.data == before[found.data]
        every = np.arange(np.iinfo(np.uint8).max + 1, dtype=np.uint8)
        every[: len(self._lookup)] = self._lookup
        layer.data[...] = np.where(untouched, self._lookup[found.data], every[layer.data])
        layer.refresh()

    def _features(self, image: Image) -> dict[str, list[Any]]:
        cluster_statistics = reduce(
            add, (explored.cluster_statistics for explored in self._planes[image])
        )
        return features(cluster_statistics.grouped(self._lookup).table(), self._grouping)

    def _recipe(self, image: Image) -> dict[str, Any]:
        recipe = {**self._exploration.recipe, "image": image.name}
        return {**recipe, **self._grouping.recipe()}

    def _style(self, layer: Labels) -> None:
        layer.opacity = self._opacity
        layer.contour = _BORDER if self._borders else 0
        if self.isolated is not None:
            layer.selected_label = self.isolated
        layer.show_selected_label = self.isolated is not None


def features(table: dict[str, list[float]], grouping: Grouping) -> dict[str, list[Any]]:
    """Turn statistics into what napari's features table shows: a row a cluster."""
    rest = {name: column for name, column in table.items() if name != "label"}
    names = [grouping.name(int(label)) for label in table["label"]]
    return {"index": table["label"], "name": names, **rest}


def cluster_colours(count: int) -> DirectLabelColormap:
    """Return the colours of clusters 1 to `count`, the same in every image."""
    colours: dict[int | None, Any] = {
        label: (*(level / 255 for level in cluster_colour(label)), 1.0)
        for label in range(1, count + 1)
    }
    return DirectLabelColormap(color_dict={None: "white", 0: "transparent", **colours})


def _same_shape(one: Labels, other: Labels) -> bool:
    return bool(one.data.shape == other.data.shape)
