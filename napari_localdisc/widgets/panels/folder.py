"""The dock widget *Folder*: many files, unattended, with a row for each."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import CheckBox, ComboBox
from napari.components import ViewerModel
from napari.utils.notifications import show_info
from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QPushButton

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.run_files import BatchReport, RunOptions
from napari_localdisc.compute.results import ChosenFiles, FolderResult
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.reports.report import REPORT, FileResult, read_report
from napari_localdisc.stores.segmenter_files import SegmenterFile, shipped_segmenters
from napari_localdisc.viewer import jobs
from napari_localdisc.viewer.opened_pair import OpenedPair
from napari_localdisc.viewer.preferences import preferences
from napari_localdisc.viewer.results import Opened, read_result
from napari_localdisc.widgets.jobs.workers import Runner
from napari_localdisc.widgets.parts._find_row import FindRow
from napari_localdisc.widgets.parts._panel import Panel, reported, wrapped_label
from napari_localdisc.widgets.parts._results_table import ResultsTable
from napari_localdisc.widgets.parts._rows import DeviceRow, EncoderRow, chosen_path, path_field
from napari_localdisc.widgets.parts._run_row import RunRow, run_title

SHIPPED, IN_USE = "A ready-made segmenter", "The segmenter in use"
FILE, PRIOR = "A segmenter file", "A prior"

_TIP = "Run in the background. What an earlier run has done with the same segmenter is kept."
_FLUSH = 200
"""Milliseconds between updates of the table."""


class FolderPanel(Panel):
    """Segment a folder of files into another folder.

    Attributes
    ----------
    effort : GuideConfig
        What guidance takes where a prior is chosen.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "Segments every image of a folder. A file that fails stops nothing."
        )
        self.effort = GuideConfig(max_images=preferences().guide_images)
        self.input = path_field("d", "Images to segment.")
        self.output = path_field("d", "Masks, report.csv and overview.png go here.")
        self.method = ComboBox(choices=(SHIPPED, IN_USE, FILE, PRIOR))
        self.shipped = ComboBox(
            choices=shipped_segmenters(),
            tooltip="Made without any annotation, for colour fundus images and chest X-rays.",
        )
        self.in_use = wrapped_label()
        self.segmenter_file = path_field(
            "r", "Saved by the panel Find or by the command line.", "*.safetensors"
        )
        self.prior_row = FindRow(self, ready_made=False)
        self.encoder_row = EncoderRow(self)
        self.device_row = DeviceRow(self)
        self.overwrite = CheckBox(
            text="Replace other results",
            tooltip="Make masks of another segmenter or other settings in this folder anew, instead"
            " of refusing to mix them. No file that this program did not write is replaced.",
        )
        self.confidence = CheckBox(
            text="Confidence maps too",
            tooltip="Write how sure every pixel is, into the folder confidence beside the masks.",
        )
        self.table = ResultsTable()
        self.run_row = RunRow("Segment folder", _TIP, pausable=True)
        self.retry = QPushButton("Try failed files again")
        self.retry.setToolTip("Runs once more; what is done is kept.")
        self.correct = QPushButton("Save corrected masks")
        self.correct.setToolTip(
            "Writes masks that you opened from this table and painted on in the place of those that"
            " were found, and marks their rows in report.csv as corrected."
        )
        self._pair = OpenedPair(self.viewer)
        self._opener = Runner(alive=lambda: isalive(self))
        self._saver = Runner(alive=lambda: isalive(self))
        self._coming: list[FileResult] = []
        self._flush = QTimer(self)
        self._flush.setInterval(_FLUSH)
        self._lay_out()
        self._connect()
        self._on_segmenter(self.session.segmenter)
        if self.session.segmenter is not None:
            self.method.value = IN_USE

    def _lay_out(self) -> None:
        self.table.setMinimumHeight(160)
        self.add("Images", self.input.native)
        self.add("Results", self.output.native)
        self.add("With", self.method.native)
        shipped = [self.add("", self.shipped.native)]
        in_use = [self.add("", self.in_use)]
        file = [self.add("", self.segmenter_file.native)]
        prior = [self.add("", self.prior_row), self.add("Encoder", self.encoder_row)]
        rows = {SHIPPED: shipped, IN_USE: in_use, FILE: file, PRIOR: prior}
        self.turn(self.method, rows)
        self.add("Device", self.device_row)
        self.add("", self.confidence.native)
        self.add("", self.overwrite.native)
        self.fill(self.table)
        self.footer.addWidget(self.run_row)
        self.footer.addWidget(self.correct)
        self.footer.addWidget(self.retry)
        self.retry.hide()
        self.correct.hide()

    def _connect(self) -> None:
        self.run_row.requested.connect(self._run)
        self.run_row.runner.progressed.connect(self._on_progress)
        self.run_row.runner.returned.connect(self._on_report)
        self.run_row.runner.ended.connect(self._on_end)
        self._opener.returned.connect(self._show)
        self._saver.returned.connect(self._on_corrected)
        self.correct.clicked.connect(self._save_correction)
        self.retry.clicked.connect(self._run)
        self._flush.timeout.connect(self._show_coming)
        self.output.line_edit.changed.connect(self._look_for_results)
        self.table.opened.connect(self._open)
        self.table.moved.connect(self._on_moved)
        self.listen(self.session.segmenter_changed, self._on_segmenter)

    def _run(self) -> None:
        with reported(self.run_row):
            images = [chosen_path(self.input, "folder of images")]
            output = chosen_path(self.output, "folder for the results")
            job = self._job(images, output)
            self.table.results.begin([])
            self._flush.start()
            self.retry.hide()
            self.run_row.start(job, run_title("Folder", [images[0].name]))

    def _job(self, images: list[Path], output: Path) -> Run[FolderResult]:
        device, run_options = self.session.device, RunOptions(overwrite=self.overwrite.value)
        how = (output, device, run_options, bool(self.confidence.value))
        if self.method.value == PRIOR:
            prior, encoder = self.session.chosen_prior, self.session.encoder_name
            return jobs.segment_by_prior(images, prior, encoder, self.effort, *how)
        if self.method.value == SHIPPED:
            return jobs.segment_with(images, str(self.shipped.value), *how)
        if self.method.value == FILE:
            return jobs.segment_with(
                images, chosen_path(self.segmenter_file, "segmenter file"), *how
            )
        if self.session.segmenter is None:
            raise LocaldiscError(
                "there is no segmenter in use; find something in the panel Find, or choose a file"
                " or prior."
            )
        return jobs.segment_with(images, self.session.segmenter, *how)

    def _on_progress(self, event: Progress) -> None:
        if isinstance(event.payload, ChosenFiles):
            self.table.results.begin(event.payload.files)
        elif isinstance(event.payload, FileResult):
            self._coming.append(event.payload)

    def _show_coming(self) -> None:
        """Fill in all that has come since the last time, at once."""
        self.table.results.take(self._coming)
        self._coming = []

    def _on_end(self) -> None:
        self._flush.stop()
        self._show_coming()
        failed = any(result.status == "failed" for result in self.table.results.results)
        self.retry.setVisible(failed)

    def _on_report(self, result: FolderResult) -> None:
        if self.method.value != SHIPPED:
            self.session.segmenter = result.segmenter
        report: BatchReport = result.report
        for note in report.notes:
            show_info(note)
        failed = f", {len(report.failed)} failed" if report.failed else ""
        kept = f" ({len(report.kept)} of them earlier)" if report.kept else ""
        self.run_row.say(f"{len(report.done)} done{kept}{failed}. Results are in {report.output}.")

    def _look_for_results(self, text: str) -> None:
        """Show what a folder of results holds already."""
        folder = Path(text.strip() or ".").expanduser()
        if not text.strip() or self.run_row.runner.running or not (folder / REPORT).is_file():
            return
        with reported(self.run_row):
            results = read_report(folder)
            self.table.results.begin([result.path for result in results])
            self.table.results.take(results)
            self.run_row.say(f"{len(results)} results of an earlier run.")
            self._on_end()

    def _on_moved(self, result: FileResult) -> None:
        if self._pair.is_open:
            self._open(result)

    def _open(self, result: FileResult) -> None:
        self._opener.start(read_result(result.path, result.output), f"Opening {result.path.name}")

    def _show(self, opened: Opened) -> None:
        self._pair.show(opened)
        self.correct.setVisible(bool(opened.masks))

    def _save_correction(self) -> None:
        with reported(self.run_row):
            self._saver.start(self._pair.corrections(), "Saving corrected masks")

    def _on_corrected(self, results: list[FileResult]) -> None:
        self.table.results.take(results)
        names = ", ".join(result.path.name for result in results)
        self.run_row.say(f"Saved what you corrected: {names}.")

    def _on_segmenter(self, segmenter: SegmenterFile | None) -> None:
        if segmenter is None:
            self.in_use.setText("None yet: find something in the panel Find first.")
        else:
            self.in_use.setText(f"Finds {', '.join(segmenter.targets)}.")
