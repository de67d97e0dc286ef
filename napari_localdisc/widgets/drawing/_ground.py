"""What the user draws on."""

from __future__ import annotations

from magicgui.widgets import ComboBox
from napari.layers import Image, Layer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_localdisc.viewer.drawing_backgrounds import GUIDE, GUIDES, guide_layer
from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.viewer.ownership import noted_image
from napari_localdisc.viewer.visibility import show_image
from napari_localdisc.widgets.parts._panel import Panel
from napari_localdisc.widgets.parts._rows import LayerChoice, narrow


class Ground(QWidget):
    """A choice of the viewer's images or, as long as there is none, of faint guides.

    Attributes
    ----------
    images : LayerChoice
    guides : magicgui.widgets.ComboBox
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._viewer = panel.viewer
        self.images = LayerChoice(panel, (Image,), "image")
        self.guides = ComboBox(
            choices=GUIDES,
            tooltip="No image is open. This one is made up and faint: it shows where to draw.",
        )
        narrow(self.guides.native)
        self._guide: Image | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.images.native)
        layout.addWidget(self.guides.native)
        self.images.on_picked(self._show)
        panel.follow_layers(self._refresh)
        self._refresh()

    def begin(self) -> Image:
        """Return the image to draw on, and add a guide if there is none."""
        if self.images.layer is not None:
            return self.images.layer
        if self._guide is not None and self._guide in self._viewer.layers:
            self._viewer.layers.remove(self._guide)
        self._guide = guide_layer(self.guides.value)
        self._viewer.layers.insert(0, self._guide)
        return self._guide

    def below(self, drawing: Layer) -> Image:
        """Return what a drawing was begun on, or the image chosen if that is not known or closed.

        Raises
        ------
        LocaldiscError
            If there is neither.
        """
        begun = noted_image(drawing)
        is_there = begun is not None and (_is_guide(begun) or begun in self._viewer.layers)
        return begun if is_there else self.images.require()

    def _show(self, image: Image) -> None:
        show_image(self._viewer, image)

    def _refresh(self) -> None:
        has_image = self.images.layer is not None
        self.images.native.setVisible(has_image)
        self.guides.native.setVisible(not has_image)


def _is_guide(image: Image) -> bool:
    recipe = recipe_of(image)
    return recipe is not None and recipe["kind"] == GUIDE
