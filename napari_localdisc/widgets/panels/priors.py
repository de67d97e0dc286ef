"""The dock widget *Priors*: what a structure looks like, ready-made, drawn or from files."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import ComboBox, SpinBox
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog, QPushButton
from superqt.utils import QSignalDebouncer

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Run
from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.stores.prior_files import save_prior
from napari_localdisc.stores.references import prepare_references
from napari_localdisc.widgets.drawing._drawn_page import DrawnPage
from napari_localdisc.widgets.parts._panel import Panel, reported, wrapped_label
from napari_localdisc.widgets.parts._rows import chosen_path, path_field
from napari_localdisc.widgets.parts._run_row import RunRow
from napari_localdisc.widgets.parts._thumbnails import Thumbnails

_SETTLED = 300
"""Milliseconds after which a slider counts as let go."""

READY_MADE, DRAWN, FOLDER = "Ready-made shapes", "My own drawing", "A folder of masks"


class PriorsPanel(Panel):
    """Choose the reference masks that guidance compares with."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "What the structure looks like. No mask of your own images is needed."
        )
        self._from_drawing: Prior | None = None
        self.source = ComboBox(choices=(READY_MADE, DRAWN, FOLDER))
        self.add("From", self.source.native)
        self.ready_made = _ReadyMadePage(self)
        self._redo = QSignalDebouncer(parent=self)
        self._redo.setTimeout(_SETTLED)
        self.drawn = DrawnPage(self, self._redo.throttle)
        self.folder = path_field("d", "Masks of one structure, or one folder per target.")
        folder = [self.add("Folder", self.folder.native)]
        pages = {READY_MADE: self.ready_made.rows, DRAWN: self.drawn.rows, FOLDER: folder}
        self.turn(self.source, pages)
        self.summary = wrapped_label()
        self.thumbnails = Thumbnails()
        self.form.addRow(self.summary)
        self.form.addRow(self.thumbnails)
        self.run_row = RunRow("Use these masks", "Make them the prior of this viewer.")
        self.save_button = QPushButton("Save masks…")
        self.save_button.setToolTip("Keep them in a prior file, to be dragged onto the window.")
        self.footer.addWidget(self.run_row)
        self.footer.addWidget(self.save_button)
        self._connect()
        self._show(self.session.prior)

    def _connect(self) -> None:
        self.run_row.requested.connect(self._run)
        self.run_row.runner.returned.connect(self._take)
        self._redo.triggered.connect(self._on_varied)
        self.save_button.clicked.connect(self._ask_where_to_save)
        self.listen(self.session.prior_changed, self._show)

    def _run(self) -> None:
        with reported(self.run_row):
            job, name = self._job()
            self.run_row.start(job, f"Reference masks: {name}")

    def _job(self) -> tuple[Run[Prior], str]:
        """Put a run together; returns what its masks are of with it."""
        if self.source.value == DRAWN:
            return self.drawn.job()
        if self.source.value == READY_MADE:
            return self.ready_made.job()
        folder = chosen_path(self.folder, "folder of masks")
        return prepare_references(folder, count=0, seed=0), folder.name

    def _take(self, prior: Prior) -> None:
        self._from_drawing = prior if self.source.value == DRAWN else None
        self.session.prior = prior

    def _on_varied(self) -> None:
        """Vary anew what is in use and was drawn."""
        if self._from_drawing is not None and self.session.prior is self._from_drawing:
            self._run()

    def _ask_where_to_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save masks", "prior.safetensors", "Priors (*.safetensors)"
        )
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the masks in use to a prior file."""
        with reported(self.run_row):
            if self.session.prior is None:
                raise LocaldiscError("there are no masks to save; make some first.")
            save_prior(self.session.prior, path.with_suffix(".safetensors"))
            self.run_row.say(f"Saved {path.with_suffix('.safetensors').name}.")

    def _show(self, prior: Prior | None) -> None:
        self.thumbnails.show_prior(prior)
        self.save_button.setEnabled(prior is not None)
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
        return prepare_references(structure, self.count.value, self.seed.value), structure
