"""The dock widget *Guided segmentation*: find what looks like the prior, in the background."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, SpinBox
from napari.components import ViewerModel
from napari.utils.notifications import show_warning

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.config import GuideConfig, show_kl
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.datasets.sample import Sample
from napari_localdisc.formats.images import find_images
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.viewer import jobs
from napari_localdisc.viewer.layers import Plane, all_planes, current_plane, in_view
from napari_localdisc.viewer.session import RunSettings
from napari_localdisc.widgets.parts._confidence_maps import ConfidenceMaps
from napari_localdisc.widgets.parts._curve import KLCurve
from napari_localdisc.widgets.parts._image_list import ImageList
from napari_localdisc.widgets.parts._panel import Panel, reported
from napari_localdisc.widgets.parts._preview import Preview
from napari_localdisc.widgets.parts._prior_row import PriorRow
from napari_localdisc.widgets.parts._review import Reviewed, ReviewTable
from napari_localdisc.widgets.parts._rows import DeviceRow, EncoderRow, chosen_path, path_field
from napari_localdisc.widgets.parts._run_row import RunRow, run_title
from napari_localdisc.widgets.parts._save_menu import SaveMenu

LAYERS, FOLDER = "Images in the viewer", "A folder of images"


class GuidedPanel(Panel):
    """Guide a segmenter by a prior and see it come about.

    Attributes
    ----------
    effort, quick_effort : GuideConfig
        What a run and a quick look take; seed and number of images are the session's.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "Finds the structure that looks like the prior in your images."
        )
        self.effort = GuideConfig()
        self.quick_effort = GuideConfig.quick()
        self._preview: Preview | None = None
        self._maps: ConfidenceMaps | None = None
        self.source = ComboBox(choices=(LAYERS, FOLDER))
        self.images = ImageList(self)
        self.folder = path_field("d", "Some of its images are used, drawn at random.")
        self.every_plane = CheckBox(
            value=True, text="All planes of stacks", tooltip="Otherwise the plane in view."
        )
        self.prior_row = PriorRow(self)
        self.encoder_row = EncoderRow(self)
        self.device_row = DeviceRow(self)
        self.seed = SpinBox(value=0, min=0, max=99999, tooltip="The same seed finds the same.")
        self.quick = CheckBox(text="Quick look", tooltip="Seconds instead of minutes, and rougher.")
        self.run_row = RunRow("Run", "Guide in the background; the first image shows how it goes.")
        self.save_menu = SaveMenu(self.viewer, self.run_row)
        self.curve = KLCurve()
        self.review = ReviewTable()
        self.confidence = CheckBox(
            text="Confidence map",
            tooltip="How sure every pixel is: the probability of the label that it was given, from"
            " one half (amber) to 1 (clear). It shows what was found, not what you have corrected.",
        )
        self._lay_out()
        self._connect()
        self._on_segmenter(self.session.segmenter)

    def _lay_out(self) -> None:
        self.add("Images", self.source.native)
        layers = [self.add("", self.images), self.add("", self.every_plane.native)]
        folder = [self.add("", self.folder.native)]
        self.turn(self.source, {LAYERS: layers, FOLDER: folder})
        self.add("Prior", self.prior_row)
        self.add("Encoder", self.encoder_row)
        self.add("Device", self.device_row)
        self.add("Seed", self.seed.native)
        self.add("", self.quick.native)
        self.form.addRow(self.curve)
        self.fill(self.review)
        self.footer.addWidget(self.confidence.native)
        self.confidence.native.hide()
        self.footer.addWidget(self.run_row)
        self.footer.addWidget(self.save_menu)

    def _connect(self) -> None:
        self.run_row.requested.connect(self._run)
        self.run_row.runner.progressed.connect(self._on_progress)
        self.run_row.runner.returned.connect(self._on_result)
        self.run_row.runner.ended.connect(self._on_end)
        self.review.chosen.connect(self._on_chosen)
        self.confidence.changed.connect(self._on_confidence)
        self.listen(self.session.segmenter_changed, self._on_segmenter)
        self.seed.changed.connect(lambda seed: self.session.settle(seed=seed))
        self.quick.changed.connect(lambda quick: self.session.settle(quick=quick))
        self.every_plane.changed.connect(lambda every: self.session.settle(every_plane=every))
        self.listen(self.session.settings_changed, self._show_settings)
        self._show_settings(self.session.settings)

    def _run(self) -> None:
        with reported():
            prior = self.session.chosen_prior
            name = prior if isinstance(prior, str) else Path(prior.name).name
            job, images = self._job(prior, name)
            self.curve.clear()
            self._forget_results()
            self.run_row.start(job, run_title(f"Guided segmentation of {name}", images))

    def _job(self, prior: Prior | str, name: str) -> tuple[Run[jobs.GuidedResult], list[str]]:
        """Put a run together; returns the names of its images with it."""
        settings = self.session.settings
        effort = self.quick_effort if settings.quick else self.effort
        config = effort.model_copy(
            update={"seed": settings.seed, "max_images": settings.guide_images}
        )
        encoder, device = self.session.encoder_name, self.session.device
        if self.source.value == FOLDER:
            files = find_images([chosen_path(self.folder, "folder of images")])
            self._preview = Preview(self.viewer, [], name)
            job = jobs.guide_on_files(files, prior, encoder, config, device)
            return job, [file.name for file in files]
        planes = self._planes()
        self._preview = Preview(self.viewer, planes, name)
        job = jobs.guide_on_planes(planes, prior, encoder, config, device)
        return job, [plane.name for plane in planes]

    def _planes(self) -> list[Plane]:
        images = self.images.images
        if not images:
            raise LocaldiscError("no image is ticked; open images or choose a folder of them.")
        if not self.every_plane.value:
            return [current_plane(image, self.viewer.dims) for image in images]
        planes = [plane for image in images for plane in all_planes(image)]
        # The first is the one that is previewed, so it had better be in view.
        return sorted(planes, key=lambda plane: not in_view(plane, self.viewer.dims))

    def _on_progress(self, event: Progress) -> None:
        self.curve.add(event)
        if self._preview is None:
            return
        if isinstance(event.payload, Sample):
            pixels, path = event.payload.images[0], event.payload.paths[0]
            layer = self.viewer.add_image(pixels, rgb=pixels.ndim == 3, name=path.stem)
            self._preview.planes = all_planes(layer)
        elif isinstance(event.payload, np.ndarray):
            self._preview.update(event.payload)

    def _on_result(self, result: object) -> None:
        if isinstance(result, jobs.GuidedResult):
            self._take(result)

    def _on_end(self) -> None:
        if self.run_row.runner.cancelled and self._preview is not None:
            self._preview.keep()

    def _on_chosen(self, plane: Plane) -> None:
        if self._preview is not None:
            self._preview.show_only(plane)
        if self._maps is not None:
            self._maps.follow()

    def _on_confidence(self, ticked: bool) -> None:
        if self._maps is not None:
            self._maps.show(ticked)

    def _forget_results(self) -> None:
        """Leave the view to the results of another run."""
        self.confidence.value = False
        self.confidence.native.hide()
        self._maps = None
        self.review.fill([])

    def _take(self, result: jobs.GuidedResult) -> None:
        guided = result.guided
        self.session.hold(guided.encoder)
        self.session.segmenter = guided.segmenter
        for warning in (*guided.warnings, *result.passed_over):
            show_warning(warning)
        if self._preview is not None:
            self.run_row.runner.unfold(self._show_results(self._preview, result))
        self.run_row.say(f"KL {show_kl(guided.kl)}, encoder {guided.encoder.card.name}.")

    def _show_results(self, preview: Preview, result: jobs.GuidedResult) -> Iterator[None]:
        card = result.guided.segmenter.card
        recipe = {**card.recipe, "targets": list(card.targets)}
        yield from preview.finish(result.segmentations, recipe)
        found = zip(preview.planes, result.segmentations, strict=True)
        self.review.fill([Reviewed(plane, one.score) for plane, one in found])
        self._maps = ConfidenceMaps(
            self.viewer, preview.planes, result.segmentations, ", ".join(card.targets)
        )
        self.confidence.native.show()

    def _show_settings(self, settings: RunSettings) -> None:
        self.seed.value, self.quick.value = settings.seed, settings.quick
        self.every_plane.value = settings.every_plane

    def _on_segmenter(self, segmenter: SegmenterFile | None) -> None:
        self.save_menu.actions_by_name["Segmenter"].setEnabled(segmenter is not None)
