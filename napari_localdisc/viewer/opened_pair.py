"""One image file in view with its masks, whose place the next one takes. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image, Labels

from napari_localdisc.viewer.results import Opened, show_result
from napari_localdisc.viewer.saving import fingerprint
from napari_localdisc.viewer.visibility import image_of, show_image

if TYPE_CHECKING:
    from napari.components import ViewerModel


class OpenedPair:
    """The image and the masks that were opened last.

    What somebody works on stays: masks that were painted on, and images that anything else in the
    viewer belongs to.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._image: Image | None = None
        self._masks: dict[Labels, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether the image is still in the viewer."""
        return self._image in self._viewer.layers

    def show(self, opened: Opened) -> None:
        """Show an image with its masks, alone, in the place of those before."""
        self._leave()
        image, masks = show_result(self._viewer, opened)
        self._image = image
        self._masks = {mask: fingerprint(mask.data) for mask in masks}
        show_image(self._viewer, image, *masks)

    def _leave(self) -> None:
        """Remove what nobody works on."""
        layers = self._viewer.layers
        there = [mask for mask in self._masks if mask in layers]
        painted = any(fingerprint(mask.data) != self._masks[mask] for mask in there)
        used = any(
            image_of(layer, self._viewer) is self._image
            for layer in layers
            if layer not in self._masks
        )
        if self._image in layers and not (painted or used):
            for layer in (*there, self._image):
                layers.remove(layer)
