"""The dock widget *Clusters*: what the encoder tells apart in images."""

from __future__ import annotations

from collections.abc import Iterator

from magicgui.widgets import CheckBox, SpinBox
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QSpinBox

from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.encoder.embedding_cache import EmbeddingCache
from napari_localdisc.reports.palette import DISTINCT
from napari_localdisc.viewer.exploring.cluster_layers import ClusterLayers
from napari_localdisc.viewer.exploring.explore import ExploredPlanes, Settings, explore
from napari_localdisc.viewer.exploring.pixel_layers import PixelLayers
from napari_localdisc.viewer.layers import Plane, all_planes, current_plane, recipe_of
from napari_localdisc.viewer.visibility import image_in_view, show_image
from napari_localdisc.widgets.exploring._cluster_results import ClusterResults
from napari_localdisc.widgets.exploring._pixel_look import PixelLook
from napari_localdisc.widgets.exploring._pixel_scatter import PixelScatter
from napari_localdisc.widgets.parts._panel import Panel, reported
from napari_localdisc.widgets.parts._rows import DeviceRow, EncoderRow, LayerChoice
from napari_localdisc.widgets.parts._run_row import RunRow, run_title
from napari_localdisc.widgets.parts._section import Section

_OWN = 1
"""Number of clusters that stands for the encoder's own."""


class ClustersPanel(Panel):
    """Find clusters in images, and look into the embedding behind them."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "Regions that look alike to the encoder, found without any annotation."
        )
        self._cache = EmbeddingCache()
        self.image = LayerChoice(self, (Image,), "image")
        self.all_images = CheckBox(
            text="All images", tooltip="The same clusters, in the same colours, in all open images."
        )
        self.every_plane = CheckBox(
            text="All planes of stacks", tooltip="Otherwise the plane in view."
        )
        self.count = _count_box()
        self.map_box = CheckBox(
            value=True, text="Cluster map", tooltip="A Labels layer with one label a cluster."
        )
        self.picture_box = CheckBox(
            value=True,
            text="Picture of the embedding",
            tooltip="Its main components as red, green and blue. The same encoder gives like"
            " pixels like colours in every image.",
        )
        self.encoder_row = EncoderRow(self)
        self.device_row = DeviceRow(self)
        self.seed = SpinBox(
            value=0, min=0, max=99999, tooltip="The same seed finds the same clusters."
        )
        self.run_row = RunRow("Show clusters", "Compute in the background.")
        self.results = ClusterResults(self.viewer)
        layers = PixelLayers(self.viewer)
        self.look = PixelLook(self, self.results, layers, self._cache)
        self.scatter = PixelScatter(self.viewer, self.results, layers)
        self.encoder_section = Section("Encoder and device", "How the embedding is computed.")
        self.look_section = Section("Look at pixels", "The pixel under the pointer, and its like.")
        self.scatter_section = Section("Scatter view", "Pixels by their embedding.")
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.add("Image", self.image.native)
        self.add("", self.all_images.native)
        self.add("", self.every_plane.native)
        self.add("Clusters", self.count)
        self.add("Show", self.map_box.native)
        self.add("", self.picture_box.native)
        self.encoder_section.add("Encoder", self.encoder_row)
        self.encoder_section.add("Device", self.device_row)
        self.encoder_section.add("Seed", self.seed.native)
        self.look_section.form.addRow(self.look)
        self.scatter_section.form.addRow(self.scatter)
        for widget in (
            self.encoder_section,
            self.results,
            self.look_section,
            self.scatter_section,
        ):
            self.form.addRow(widget)
        for widget in (self.results, self.look_section, self.scatter_section):
            widget.hide()
        self.footer.addWidget(self.run_row)

    def _connect(self) -> None:
        self.all_images.changed.connect(self._on_all_images)
        self.image.on_picked(lambda image: show_image(self.viewer, image))
        self.look_section.toggled.connect(self.look.switch)
        for section in (self.encoder_section, self.look_section, self.scatter_section):
            section.toggled.connect(lambda _=False, part=section: self.bring_into_view(part))
        self.run_row.requested.connect(self._run)
        self.run_row.runner.returned.connect(self._show)
        self.listen(self.viewer.events.theme, self._on_theme)

    def _on_all_images(self, ticked: bool) -> None:
        self.image.native.setEnabled(not ticked)

    def _on_theme(self, _: object) -> None:
        self.scatter.follow_theme()

    def _run(self) -> None:
        with reported(self.run_row):
            planes = self._planes()
            count = None if self.count.value() == _OWN else self.count.value()
            settings = Settings(
                self.session.encoder_name, self.session.device, count, self.seed.value
            )
            job = explore(planes, settings)
            self.run_row.start(job, run_title("Clusters", [plane.name for plane in planes]))

    def _planes(self) -> list[Plane]:
        images = [self.image.require()]
        if self.all_images.value:
            images = [
                layer
                for layer in self.viewer.layers
                if isinstance(layer, Image) and recipe_of(layer) is None
            ]
        if self.every_plane.value:
            return [plane for image in images for plane in all_planes(image)]
        return [current_plane(image, self.viewer.dims) for image in images]

    def _show(self, result: tuple[HeldEncoder, ExploredPlanes]) -> None:
        held, exploration = result
        self.session.hold(held)
        if not any(explored.plane.layer in self.viewer.layers for explored in exploration.planes):
            self.run_row.say("The image was removed meanwhile, so its clusters are not shown.")
            return
        self.look.start_over()
        layers = self.results.show_run(exploration)
        self.scatter.show_run(exploration)
        for widget in (self.results, self.look_section, self.scatter_section):
            widget.show()
        found = len(exploration.cluster_statistics.present)
        self.run_row.say(f"{found} clusters, encoder {held.card.name}.")
        self.run_row.runner.unfold(self._add(layers))

    def _add(self, layers: ClusterLayers) -> Iterator[None]:
        """Add the layers of one image after the other."""
        for image in layers.images:
            if image in self.viewer.layers:
                layers.add(image, clusters=self.map_box.value, picture=self.picture_box.value)
                yield
        shown = image_in_view(self.viewer)
        if shown in layers.images:
            show_image(self.viewer, shown)


def _count_box() -> QSpinBox:
    box = QSpinBox()
    box.setRange(_OWN, DISTINCT)
    box.setSpecialValueText("The encoder's own")
    box.setToolTip(
        "How many to find by k-means on the embedding; at its lowest, the clusters that the"
        " encoder learned."
    )
    return box
