"""The page of *Priors* for shapes that the user draws on an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, LineEdit, PushButton, Slider, SpinBox
from napari.layers import Image, Labels, Shapes

from napari_localdisc.base.progress import Run
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.stores.references import vary_drawn
from napari_localdisc.viewer.drawing import (
    DRAWING,
    TARGET,
    draw_next,
    reference_masks,
    shapes_layer,
)
from napari_localdisc.viewer.layers import all_planes, labels_layer, target_colours
from napari_localdisc.viewer.visibility import show_image
from napari_localdisc.widgets.drawing._ground import Ground
from napari_localdisc.widgets.parts._panel import Panel, reported
from napari_localdisc.widgets.parts._rows import LayerChoice

ELLIPSE, POLYGON, FREEHAND, BRUSH = "Ellipse", "Polygon", "Freehand outline", "Brush"
_SHAPE_MODES = {ELLIPSE: "add_ellipse", POLYGON: "add_polygon", FREEHAND: "add_polygon_lasso"}


class DrawnPage:
    """Shapes that the user draws on an image, or any Shapes or Labels layer there is.

    Parameters
    ----------
    panel : Panel
    redo : callable
        Called when a prior that was made here should be made anew.
    """

    def __init__(self, panel: Panel, redo: Callable[[], object]) -> None:
        self._viewer = panel.viewer
        self.ground = Ground(panel)
        self.structure = LineEdit(
            value="structure",
            tooltip="What is drawn. Several structures that keep their place relative to each"
            " other are parted by commas: disc, cup, fovea. Where they overlap, the smaller one"
            " lies on top.",
        )
        self.tool = ComboBox(choices=(*_SHAPE_MODES, BRUSH))
        self.start = PushButton(
            text="Start drawing",
            tooltip="Adds a layer on the image with this tool in hand.",
        )
        self.next = ComboBox(tooltip="What the next shape or stroke is.")
        self.drawing = LayerChoice(panel, (Shapes, Labels), "drawing (a Shapes or Labels layer)")
        self.apart = CheckBox(
            text="Count each on its own",
            tooltip="Every shape is a mask of its own, or every label a target of its own;"
            " otherwise all that is drawn on an image is one mask.",
        )
        self.count = SpinBox(
            value=20,
            min=1,
            max=500,
            tooltip="What is drawn is varied at random up to this many masks.",
        )
        self.variation = Slider(
            value=100,
            min=0,
            max=200,
            tooltip="How much they vary in size, angle, place and outline, in percent of what is"
            " usual. The pictures below follow.",
        )
        self._lay_out(panel)
        self.start.clicked.connect(self._start)
        self.next.changed.connect(self._on_next)
        self.drawing.changed.connect(self._show_next)
        self.structure.changed.connect(self._show_next)
        self.variation.changed.connect(redo)
        self._show_next()

    def _lay_out(self, panel: Panel) -> None:
        self.rows = [
            panel.add("Draw on", self.ground),
            panel.add("Structure", self.structure.native),
            panel.add("Tool", self.tool.native),
            panel.add("", self.start.native),
            panel.add("Next shape", self.next.native),
            panel.add("Drawing", self.drawing.native),
            panel.add("", self.apart.native),
            panel.add("Masks", self.count.native),
            panel.add("Variation", self.variation.native),
        ]

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what is drawn, at least one."""
        names = (name.strip() for name in self.structure.value.split(","))
        return tuple(dict.fromkeys(name for name in names if name)) or ("structure",)

    def job(self) -> tuple[Run[Prior], str]:
        """Make a prior of what is drawn; returns what is drawn on which image with the run."""
        layer = self.drawing.require()
        image = self.ground.below(layer)
        apart, several = self.apart.value, len(self.targets) > 1
        masks, found = reference_masks(
            layer,
            image,
            shape_by_shape=apart,
            label_by_label=apart or several,
            names=self.targets if several else (),
        )
        named = self.targets[:1] if len(found) == 1 else found
        name = ", ".join(self.targets)
        variation = self.variation.value / 100
        job = vary_drawn(masks, name, named, self.count.value, 0, variation)
        return job, f"{name} on {image.name}"

    def _start(self) -> None:
        with reported():
            image = self.ground.begin()
            name = ", ".join(self.targets)
            layer = (
                self._labels(image, name) if self.tool.value == BRUSH else self._shapes(image, name)
            )
            show_image(self._viewer, image, layer)
            self._viewer.layers.selection.active = layer
            self.drawing.layer = layer
            self._show_next()

    def _shapes(self, image: Image, name: str) -> Shapes:
        layer = self._viewer.add_layer(shapes_layer(image, name, self.targets))
        layer.mode = _SHAPE_MODES[self.tool.value]
        return layer

    def _labels(self, image: Image, name: str) -> Labels:
        planes = all_planes(image)
        empty = [np.zeros(plane.shape, dtype=np.uint8) for plane in planes]
        layer = self._viewer.add_layer(labels_layer(planes, empty, name, {"kind": DRAWING}))
        layer.colormap = target_colours()
        layer.brush_size = max(3, min(planes[0].shape) // 25)
        layer.mode = "paint"
        return layer

    def _show_next(self) -> None:
        self.next.choices = self.targets

    def _on_next(self, target: str) -> None:
        layer = self.drawing.layer
        if isinstance(layer, Labels):
            layer.selected_label = self.targets.index(target) + 1
        elif layer is not None and TARGET in layer.features:
            draw_next(layer, self.targets, target)
