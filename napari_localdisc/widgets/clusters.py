"""The dock widget *Clusters*: what the encoder tells apart in an image."""

from __future__ import annotations

from magicgui.widgets import CheckBox
from napari.components import ViewerModel
from napari.layers import Image

from napari_localdisc import jobs
from napari_localdisc.layers import Plane, current_plane, labels_layer, picture_layer
from napari_localdisc.widgets._panel import Panel, reported
from napari_localdisc.widgets._rows import DeviceRow, EncoderRow, LayerChoice
from napari_localdisc.widgets._run_row import RunRow, run_title


class ClustersPanel(Panel):
    """Make the cluster map of an image and a picture of its embedding."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "Regions that look alike to the encoder, found without any annotation."
        )
        self._plane: Plane | None = None
        self.image = LayerChoice(self, (Image,), "image")
        self.encoder_row = EncoderRow(self)
        self.device_row = DeviceRow(self)
        self.map_box = CheckBox(
            value=True, text="Cluster map", tooltip="A Labels layer with one label a cluster."
        )
        self.picture_box = CheckBox(
            value=True,
            text="Picture of the embedding",
            tooltip="Its three main components as red, green and blue: like pixels, like colours.",
        )
        self.run_row = RunRow("Show clusters", "Compute in the background.")
        self._lay_out()
        self.run_row.requested.connect(self._run)
        self.run_row.runner.returned.connect(self._show)

    def _lay_out(self) -> None:
        self.add("Image", self.image.native)
        self.add("Encoder", self.encoder_row)
        self.add("Device", self.device_row)
        self.add("Show", self.map_box.native)
        self.add("", self.picture_box.native)
        self.footer.addWidget(self.run_row)

    def _run(self) -> None:
        with reported():
            plane = current_plane(self.image.require(), self.viewer.dims)
            job = jobs.cluster(plane, self.session.encoder_choice, self.session.device)
            self._plane = plane
            self.run_row.start(job, run_title("Clusters", [plane.name]))

    def _show(self, result: jobs.Clustering) -> None:
        plane = self._plane
        self.session.hold(result.held)
        if plane is None or plane.layer not in self.viewer.layers:
            self.run_row.say("The image was removed meanwhile, so its clusters are not shown.")
            return
        if self.picture_box.value:
            name = f"{plane.name} embedding"
            picture = picture_layer(plane, result.picture, name, result.recipe)
            picture.visible = not self.map_box.value
            self.viewer.add_layer(picture)
        if self.map_box.value:
            name = f"{plane.name} clusters"
            labels = labels_layer([plane], [result.clusters.labels], name, result.recipe)
            labels.features = result.features
            labels.opacity = 0.5
            self.viewer.add_layer(labels)
        self.run_row.say(f"Encoder {result.held.encoder.name}.")
