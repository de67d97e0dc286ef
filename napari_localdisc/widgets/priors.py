"""The dock widget *Priors*: what a structure looks like, ready-made, drawn or from files."""

from __future__ import annotations

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, LineEdit, PushButton, SpinBox
from napari.components import ViewerModel
from napari.layers import Image, Labels, Shapes

from napari_localdisc import jobs
from napari_localdisc.core.priors import Prior
from napari_localdisc.core.progress import Run
from napari_localdisc.core.shapes import BUILT_IN_PRIORS
from napari_localdisc.drawing import reference_masks, shapes_layer
from napari_localdisc.layers import all_planes, labels_layer
from napari_localdisc.widgets._panel import Panel, reported, wrapped_label
from napari_localdisc.widgets._rows import LayerChoice, chosen_path, path_field
from napari_localdisc.widgets._run_row import RunRow
from napari_localdisc.widgets._thumbnails import Thumbnails

READY_MADE, DRAWN, FOLDER = "Ready-made shapes", "My own drawing", "A folder of masks"
ELLIPSE, POLYGON, FREEHAND, BRUSH = "Ellipse", "Polygon", "Freehand outline", "Brush"
_SHAPE_MODES = {ELLIPSE: "add_ellipse", POLYGON: "add_polygon", FREEHAND: "add_polygon_lasso"}


class PriorsPanel(Panel):
    """Choose the reference masks that guidance compares with."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "What the structure looks like. No mask of your own images is needed."
        )
        self.source = ComboBox(choices=(READY_MADE, DRAWN, FOLDER))
        self.add("From", self.source.native)
        self.ready_made = _ReadyMadePage(self)
        self.drawn = _DrawnPage(self)
        self.folder = path_field("d", "Masks of one structure, or one folder per target.")
        folder = [self.add("Folder", self.folder.native)]
        pages = {READY_MADE: self.ready_made.rows, DRAWN: self.drawn.rows, FOLDER: folder}
        self.turn(self.source, pages)
        self.summary = wrapped_label()
        self.thumbnails = Thumbnails()
        self.form.addRow(self.summary)
        self.form.addRow(self.thumbnails)
        self.run_row = RunRow("Use these masks", "Make them the prior of this viewer.")
        self.footer.addWidget(self.run_row)
        self._connect()
        self._show(self.session.prior)

    def _connect(self) -> None:
        self.run_row.requested.connect(self._run)
        self.run_row.runner.returned.connect(self._take)
        self.listen(self.session.prior_changed, self._show)

    def _run(self) -> None:
        with reported():
            job, name = self._job()
            self.run_row.start(job, f"Reference masks: {name}")

    def _job(self) -> tuple[Run[Prior], str]:
        """Put a run together; returns what its masks are of with it."""
        if self.source.value == DRAWN:
            return self.drawn.job()
        if self.source.value == READY_MADE:
            return self.ready_made.job()
        folder = chosen_path(self.folder, "folder of masks")
        return jobs.references(folder, count=0, seed=0), folder.name

    def _take(self, prior: Prior) -> None:
        self.session.prior = prior

    def _show(self, prior: Prior | None) -> None:
        self.thumbnails.show_prior(prior)
        if prior is None:
            self.summary.setText("No masks are chosen yet.")
        else:
            targets = ", ".join(prior.targets)
            self.summary.setText(f"In use: {prior.name}, {len(prior)} masks of {targets}.")


class _ReadyMadePage:
    """Shapes that the program simulates."""

    def __init__(self, panel: Panel) -> None:
        self.structure = ComboBox(choices=BUILT_IN_PRIORS)
        self.count = SpinBox(value=20, min=1, max=500, tooltip="How many to simulate.")
        self.seed = SpinBox(
            value=0, min=0, max=99999, tooltip="The same seed gives the same masks."
        )
        self.rows = [
            panel.add("Structure", self.structure.native),
            panel.add("Masks", self.count.native),
            panel.add("Seed", self.seed.native),
        ]

    def job(self) -> tuple[Run[Prior], str]:
        """Simulate what the form says; returns the structure with the run."""
        structure = self.structure.value
        return jobs.references(structure, self.count.value, self.seed.value), structure


class _DrawnPage:
    """Shapes that the user draws on an image, or any Shapes or Labels layer there is."""

    def __init__(self, panel: Panel) -> None:
        self._viewer = panel.viewer
        self.image = LayerChoice(panel, (Image,), "image")
        self.structure = LineEdit(value="structure", tooltip="What is drawn.")
        self.tool = ComboBox(choices=(*_SHAPE_MODES, BRUSH))
        self.start = PushButton(
            text="Start drawing", tooltip="Adds a layer on the image with this tool in hand."
        )
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
        self.rows = [
            panel.add("Image", self.image.native),
            panel.add("Structure", self.structure.native),
            panel.add("Tool", self.tool.native),
            panel.add("", self.start.native),
            panel.add("Drawing", self.drawing.native),
            panel.add("", self.apart.native),
            panel.add("Masks", self.count.native),
        ]
        self.start.clicked.connect(self._start)

    def job(self) -> tuple[Run[Prior], str]:
        """Make a prior of what is drawn; returns what is drawn on which image with the run."""
        layer, image = self.drawing.require(), self.image.require()
        apart = self.apart.value
        masks, targets = reference_masks(layer, image, shape_by_shape=apart, label_by_label=apart)
        name = self.structure.value.strip() or "structure"
        named = (name,) if len(targets) == 1 else targets
        job = jobs.drawn_references(masks, name, named, self.count.value, seed=0)
        return job, f"{name} on {image.name}"

    def _start(self) -> None:
        with reported():
            image = self.image.require()
            name = self.structure.value.strip() or "structure"
            layer = (
                self._labels(image, name) if self.tool.value == BRUSH else self._shapes(image, name)
            )
            self._viewer.layers.selection.active = layer
            self.drawing.layer = layer

    def _shapes(self, image: Image, name: str) -> Shapes:
        layer = self._viewer.add_layer(shapes_layer(image, name))
        layer.mode = _SHAPE_MODES[self.tool.value]
        return layer

    def _labels(self, image: Image, name: str) -> Labels:
        planes = all_planes(image)
        empty = [np.zeros(plane.shape, dtype=np.uint8) for plane in planes]
        layer = self._viewer.add_layer(labels_layer(planes, empty, name, {"kind": "drawing"}))
        layer.brush_size = max(3, min(planes[0].shape) // 25)
        layer.mode = "paint"
        return layer
