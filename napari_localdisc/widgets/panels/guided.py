"""The dock widget *Find*: a structure in the open images, ready made or by a prior."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, SpinBox
from napari.components import ViewerModel
from napari.utils.notifications import show_warning

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.config import GuideConfig, show_kl
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.datasets.sample import Sample
from napari_localdisc.formats.images import find_images
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.viewer import jobs
from napari_localdisc.viewer.layers import Plane, all_planes, current_plane, in_view
from napari_localdisc.viewer.session import RunSettings
from napari_localdisc.viewer.visibility import is_image
from napari_localdisc.widgets.parts._confidence_maps import ConfidenceMaps
from napari_localdisc.widgets.parts._curve import KLCurve
from napari_localdisc.widgets.parts._find_row import FindRow
from napari_localdisc.widgets.parts._image_list import ImageList
from napari_localdisc.widgets.parts._panel import Panel, reported
from napari_localdisc.widgets.parts._preview import Preview
from napari_localdisc.widgets.parts._review import Reviewed, ReviewTable
from napari_localdisc.widgets.parts._rows import DeviceRow, EncoderRow, chosen_path, path_field
from napari_localdisc.widgets.parts._run_row import RunRow
from napari_localdisc.widgets.parts._save_menu import SaveMenu
from napari_localdisc.widgets.parts._section import Section

LAYERS, FOLDER = "Images in the viewer", "A folder of images"

_CHECK = 0.7
"""Expected Dice below which a mask is to be looked at first."""


class GuidedPanel(Panel):
    """Guide a segmenter by a prior and see it come about.

    Attributes
    ----------
    effort, quick_effort : GuideConfig
        What a run and a quick look take; seed and number of images are the session's.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer, "Finds a structure in your images, without any annotation.")
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
        self.find_row = FindRow(self)
        self.encoder_row = EncoderRow(self)
        self.device_row = DeviceRow(self)
        self.seed = SpinBox(value=0, min=0, max=99999, tooltip="The same seed finds the same.")
        self.quick = CheckBox(text="Quick look", tooltip="Seconds instead of minutes, and rougher.")
        self.details = Section("Details", "The encoder, how much effort it takes, and where.")
        self.run_row = RunRow("Run", "Find it in the background; an image shows how it goes.")
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
        self.add("Find", self.find_row)
        self.add("In", self.source.native)
        layers, folder = [self.add("", self.images)], [self.add("", self.folder.native)]
        self.turn(self.source, {LAYERS: layers, FOLDER: folder})
        self._planes_row = self.add("", self.every_plane.native)
        self.form.addRow(self.details)
        self._guidance_rows = [
            self.details.add("Encoder", self.encoder_row),
            self.details.add("Seed", self.seed.native),
            self.details.add("", self.quick.native),
        ]
        self.details.add("Device", self.device_row)
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
        self.source.changed.connect(lambda _: self._show_planes_row())
        self.follow_layers(self._show_planes_row)
        self._show_planes_row()

    def _run(self) -> None:
        with reported(self.run_row):
            ready_made = self.session.settings.ready_made
            job, title = self._guidance() if ready_made is None else self._ready_made(ready_made)
            self.curve.clear()
            self._forget_results()
            self.run_row.start(job, title)

    def _ready_made(self, name: str) -> tuple[Run[jobs.ReadyMadeResult], str]:
        """Put a run of a ready-made segmenter together; returns its title with it."""
        if self.source.value == FOLDER:
            raise LocaldiscError(
                "a ready-made segmenter learns nothing from a folder of images; segment the folder"
                " in the panel Folder, or open images in the viewer."
            )
        planes = self._planes()
        self._preview = Preview(self.viewer, planes, name)
        job = jobs.segment_planes(planes, name, self.session.device)
        return job, _looking_for(name, [plane.name for plane in planes])

    def _guidance(self) -> tuple[Run[jobs.GuidedResult], str]:
        """Put a guided run together; returns its title with it."""
        prior = self.session.chosen_prior
        name = prior if isinstance(prior, str) else Path(prior.name).name
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
            return job, _looking_for(name, [file.name for file in files])
        planes = self._planes()
        self._preview = Preview(self.viewer, planes, name)
        job = jobs.guide_on_planes(planes, prior, encoder, config, device)
        return job, _looking_for(name, [plane.name for plane in planes])

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
        elif isinstance(result, jobs.ReadyMadeResult):
            self.session.segmenter = result.segmenter
            self._unfold(result.segmenter, result.segmentations)
            self.run_row.say(in_short(result.segmentations))

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
        self._unfold(guided.segmenter, result.segmentations)
        self.run_row.say(
            f"{in_short(result.segmentations)} KL {show_kl(guided.kl)}, encoder"
            f" {guided.encoder.card.name}."
        )

    def _unfold(self, segmenter: SegmenterFile, found: Sequence[Segmentation]) -> None:
        if self._preview is not None:
            self.run_row.runner.unfold(self._show_results(self._preview, segmenter, found))

    def _show_results(
        self, preview: Preview, segmenter: SegmenterFile, found: Sequence[Segmentation]
    ) -> Iterator[None]:
        card = segmenter.card
        yield from preview.finish(found, {**card.recipe, "targets": list(card.targets)})
        pairs = zip(preview.planes, found, strict=True)
        self.review.fill([Reviewed(plane, one.score) for plane, one in pairs])
        self._maps = ConfidenceMaps(self.viewer, preview.planes, found, ", ".join(card.targets))
        self.confidence.native.show()

    def _show_settings(self, settings: RunSettings) -> None:
        self.seed.value, self.quick.value = settings.seed, settings.quick
        self.every_plane.value = settings.every_plane
        for row in self._guidance_rows:
            row.show(settings.ready_made is None)

    def _show_planes_row(self) -> None:
        """Ask for planes only where a stack is open."""
        stacks = any(is_image(layer) and layer.ndim > 2 for layer in self.viewer.layers)
        self._planes_row.show(stacks and self.source.value == LAYERS)

    def _on_segmenter(self, segmenter: SegmenterFile | None) -> None:
        self.save_menu.actions_by_name["Segmenter"].setEnabled(segmenter is not None)


def _looking_for(name: str, images: Sequence[str]) -> str:
    """Say what runs: "Looking for lungs in 10 images"."""
    where = images[0] if len(images) == 1 else f"{len(images)} images"
    return f"Looking for {name} in {where}"


def in_short(found: Sequence[Segmentation]) -> str:
    """Say how many masks there are and how sure they are: "10 masks, 2 to check first."."""
    if len(found) == 1:
        return f"1 mask, confidence {found[0].score:.2f}."
    doubtful = sum(one.score < _CHECK for one in found)
    return f"{len(found)} masks, {doubtful or 'none'} to check first."
