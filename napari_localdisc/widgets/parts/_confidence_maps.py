"""How sure every pixel of a run's results is, as layers of the viewer."""

from __future__ import annotations

from collections.abc import Sequence

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils import Colormap

from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.viewer.layers import METADATA_KEY, Plane, placement, spread
from napari_localdisc.viewer.ownership import of_image
from napari_localdisc.viewer.visibility import hide

CONFIDENCE = "confidence"
"""Kind of these layers, in their recipes."""

_AMBER = (1.0, 0.69, 0.0, 1.0)


class ConfidenceMaps:
    """Maps that lie on their images and beneath their masks, made when they are first shown.

    A map that the user removes comes back only when maps are asked for anew.

    Parameters
    ----------
    viewer : ViewerModel
    planes : sequence of Plane
    found : sequence of Segmentation
        One for each plane; `Segmentation.confidence` is what is shown.
    title : str
        What was found, for the names of the layers.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        planes: Sequence[Plane],
        found: Sequence[Segmentation],
        title: str,
    ) -> None:
        self._viewer, self._title = viewer, title
        self._found: dict[Image, list[tuple[Plane, Segmentation]]] = {}
        for plane, one in zip(planes, found, strict=True):
            self._found.setdefault(plane.layer, []).append((plane, one))
        self._layers: dict[Image, Image] = {}
        self._on = False

    def show(self, on: bool) -> None:
        """Show maps, or hide them."""
        self._on = on
        self._layers = {
            image: layer for image, layer in self._layers.items() if layer in self._viewer.layers
        }
        self.follow()

    def follow(self) -> None:
        """Show maps on the images that are in view by now, and on no others."""
        for image in self._found:
            wanted = self._on and image in self._viewer.layers and image.visible
            if wanted and image not in self._layers:
                self._layers[image] = self._add(image)
            elif wanted:
                self._layers[image].visible = True
            elif image in self._layers:
                hide(self._layers[image])

    def _add(self, image: Image) -> Image:
        planes = [plane for plane, _ in self._found[image]]
        layer = Image(
            spread(planes, [one.confidence for _, one in self._found[image]]),
            # Clear where sure: the image shows, whatever colours somebody can tell apart.
            colormap=Colormap([_AMBER, _AMBER, (*_AMBER[:3], 0)], "amber", controls=[0, 0.5, 1]),
            contrast_limits=(0, 1),
            opacity=0.8,
            name=f"{image.name} {self._title} confidence",
            metadata={METADATA_KEY: {"kind": CONFIDENCE, "image": image.name}},
            **placement(planes),
        )
        layers = self._viewer.layers
        active = layers.selection.active
        layers.insert(layers.index(image) + 1, of_image(layer, image))
        layers.selection.active = active  # the mask stays at hand for the brush
        return layer
