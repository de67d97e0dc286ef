"""The dock widget *Encoder*: choose, load, read its card, unload."""

from __future__ import annotations

from html import escape
from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QPushButton

from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.viewer import jobs
from napari_localdisc.viewer.layers import all_planes
from napari_localdisc.viewer.session import AUTOMATIC
from napari_localdisc.widgets.jobs.process import process_events
from napari_localdisc.widgets.parts._panel import Panel, reported, wrapped_label
from napari_localdisc.widgets.parts._rows import DeviceRow, EncoderRow
from napari_localdisc.widgets.parts._run_row import RunRow

_NOTHING = "No encoder is in memory. A run loads the one chosen here when it needs it."


class EncoderPanel(Panel):
    """Choose an encoder and a device for every panel of this viewer."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(
            napari_viewer, "The pretrained network that turns every pixel into an embedding."
        )
        self.encoder_row = EncoderRow(self)
        self.device_row = DeviceRow(self)
        self.card = wrapped_label()
        self.run_row = RunRow("Load", "Load the encoder now and show its card.")
        self.unload_button = QPushButton("Unload")
        self.unload_button.setToolTip(
            "Give all memory back, a GPU's too. The next run loads what it needs."
        )
        self._lay_out()
        self._connect()
        self._show(self.session.encoder)

    def _lay_out(self) -> None:
        self.add("Encoder", self.encoder_row)
        self.add("Device", self.device_row)
        self.form.addRow(self.card)
        self.footer.addWidget(self.run_row)
        self.footer.addWidget(self.unload_button)

    def _connect(self) -> None:
        self.run_row.requested.connect(self._load)
        self.run_row.runner.returned.connect(self.session.hold)
        self.unload_button.clicked.connect(self.session.unload)
        process_events().ended.connect(self.session.lose)
        self.listen(self.session.encoder_changed, self._show)

    def _load(self) -> None:
        with reported(self.run_row):
            images = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
            plane = all_planes(images[-1])[0] if images else None
            encoder = self.session.encoder_name
            chosen_by = plane.name if plane is not None and encoder == AUTOMATIC else None
            name = f"for {chosen_by}" if chosen_by else Path(encoder).name
            self.run_row.start(jobs.load_encoder(encoder, plane), f"Loading encoder {name}")

    def _show(self, encoder: HeldEncoder | None) -> None:
        self.card.setText(_NOTHING if encoder is None else card_text(encoder.card))
        self.unload_button.setEnabled(encoder is not None)


def card_text(card: EncoderCard) -> str:
    """Write an encoder's card as a small HTML table."""
    rows = {
        "Name": f"{card.name}, version {card.version}",
        "Made for": card.modality,
        "Trained on": ", ".join(card.training_sets) or "not stated",
        "Channels": str(card.channels),
        "Embedding": f"{card.embedding_dim} numbers per pixel, {card.clusters} clusters",
        "Working size": f"{card.working_size} pixels",
        "Linear probes": ", ".join(f"{name} {dice:.2f}" for name, dice in card.probes.items()),
        "Licence": card.licence,
    }
    cells = (
        f"<tr><td style='padding-right:8px'>{label}</td><td>{escape(text)}</td></tr>"
        for label, text in rows.items()
        if text
    )
    return f"<table>{''.join(cells)}</table>"
