"""Looking at the pixel under the pointer: its cluster, its neighbours, what is like it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_localdisc.core.encoder.embedding_cache import EmbeddedPlane, EmbeddingCache
from napari_localdisc.viewer.exploring.explore import Settings, embedding_of
from napari_localdisc.viewer.exploring.pixel_layers import Likeness, PixelLayers, Spot, spot_under
from napari_localdisc.widgets.exploring._cluster_results import ClusterResults
from napari_localdisc.widgets.jobs.latest import Latest
from napari_localdisc.widgets.jobs.workers import Runner
from napari_localdisc.widgets.parts._panel import Panel, wrapped_label

_STILL = 3.0
"""Pixels of the screen that the pointer may move in a click."""
_NEXT = 2
"""Other clusters that are named for a pixel."""
_LINES = 4
_IDLE = "Move over an explored image; click to mark a pixel and the places most like it."


class PixelLook(QWidget):
    """Listens to the pointer over explored images while it is in view and switched on."""

    def __init__(
        self, panel: Panel, results: ClusterResults, layers: PixelLayers, cache: EmbeddingCache
    ) -> None:
        super().__init__()
        self._viewer: ViewerModel = panel.viewer
        self._session = panel.session
        self._results = results
        self._cache = cache
        self._layers = layers
        self._wanted: tuple[Spot, bool] | None = None
        self._latest = Latest(alive=lambda: isalive(self))
        self._runner = Runner(alive=lambda: isalive(self))
        self._on = False
        self.follow = QCheckBox("Similarity map follows the pointer")
        self.follow.setChecked(True)
        self.follow.setToolTip("A click keeps the map of one pixel; tick this to go on.")
        self.report = wrapped_label(_IDLE)
        # Lines come and go under the moving pointer, and nothing else is to move with them.
        self.report.setMinimumHeight(_LINES * self.report.fontMetrics().lineSpacing())
        self.report.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.follow, self.report):
            layout.addWidget(widget)
        self._latest.answered.connect(self._on_likeness)
        self._runner.returned.connect(self._on_embedded)

    def switch(self, on: bool) -> None:
        """Start or stop listening."""
        self._on = on
        self._listen()

    def start_over(self) -> None:
        """Want nothing any more of what an earlier run found."""
        self._wanted = None
        self._latest.forget()
        self.report.setText(_IDLE)

    def showEvent(self, event: QShowEvent) -> None:
        """Listen while in view."""
        super().showEvent(event)
        self._listen()

    def hideEvent(self, event: QHideEvent) -> None:
        """Leave the viewer alone when closed or behind another tab."""
        super().hideEvent(event)
        self._listen()

    def _listen(self) -> None:
        wanted = self._on and self.isVisible()
        for callbacks, callback in (
            (self._viewer.mouse_move_callbacks, self._on_move),
            (self._viewer.mouse_drag_callbacks, self._on_press),
        ):
            if wanted and callback not in callbacks:
                callbacks.append(callback)
            elif not wanted and callback in callbacks:
                callbacks.remove(callback)
        if not wanted:
            self._latest.forget()

    def _on_move(self, _: ViewerModel, event: Any) -> None:
        spot = self._spot(event)
        self.report.setText(_IDLE if spot is None else self._describe(spot))
        if spot is not None and self.follow.isChecked():
            self.look_at(spot, anew=False)

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        """Take a click, unless the user is painting or drags the image."""
        mode = getattr(viewer.layers.selection.active, "mode", "pan_zoom")
        start = np.asarray(event.pos)
        clicked = event.button == 1 and not event.modifiers and str(mode) == "pan_zoom"
        yield
        while event.type == "mouse_move":
            clicked &= bool(np.linalg.norm(np.asarray(event.pos) - start) <= _STILL)
            yield
        spot = self._spot(event) if clicked else None
        if spot is not None:
            self.follow.setChecked(False)
            self.report.setText(self._describe(spot))
            self.look_at(spot, anew=True)

    def _spot(self, event: Any) -> Spot | None:
        if self._results.layers is None:
            return None
        cell = getattr(event, "viewbox", (0, 0))
        return spot_under(self._viewer, self._results.layers, event.position, cell)

    def _describe(self, spot: Spot) -> str:
        """Say which cluster a pixel is in, and which others it could be in."""
        plane, grouping = spot.explored.plane, self._results.grouping
        place = f"{plane.name}, row {spot.pixel[0]}, column {spot.pixel[1]}"
        if spot.label == 0:
            return f"{place}: outside the field of view."
        label = int(grouping.lookup[spot.label])
        text = f"{place}: {grouping.name(label)}"
        seen = self._cache.get(spot.explored.key)
        if seen is None or self._results.exploration is None:
            return f"{text}."
        cluster_statistics = self._results.exploration.cluster_statistics.grouped(grouping.lookup)
        alike = cluster_statistics.centres @ seen.embedding[:, spot.pixel[0], spot.pixel[1]]
        others = [at for at in cluster_statistics.present if at != label]
        others.sort(key=lambda at: -alike[at - 1])
        near = ", ".join(f"{grouping.name(at)} {alike[at - 1]:.2f}" for at in others[:_NEXT])
        return f"{text}, similarity to its centre {alike[label - 1]:.2f}" + (
            f" (next: {near})." if near else "."
        )

    def look_at(self, spot: Spot, *, anew: bool) -> None:
        """Show what is like a pixel; anew also if the user removed the map, and with marks."""
        seen = self._cache.get(spot.explored.key)
        if seen is not None:
            self._latest.ask(partial(_answer, spot, seen, anew))
            return
        self._wanted = (spot, anew)
        exploration = self._results.exploration
        if exploration is not None and not self._runner.running:
            settings = Settings(exploration.recipe["encoder"], self._session.device)
            run = embedding_of(spot.explored, settings, self._cache)
            self._runner.start(run, f"Embedding {spot.explored.plane.name}")

    def _on_embedded(self, _: EmbeddedPlane) -> None:
        if self._wanted is not None:
            spot, anew = self._wanted
            self._wanted = None
            # By now the pointer may be on another plane, which is to be embedded in turn.
            QTimer.singleShot(0, lambda: self._resume(spot, anew))

    def _resume(self, spot: Spot, anew: bool) -> None:
        if isalive(self):
            self.report.setText(self._describe(spot))
            self.look_at(spot, anew=anew)

    def _on_likeness(self, answer: tuple[Likeness, bool]) -> None:
        found, anew = answer
        exploration = self._results.exploration
        if found.spot.explored.plane.layer not in self._viewer.layers or exploration is None:
            return
        recipe = exploration.recipe
        self._layers.show_similarity(found, recipe, anew=anew)
        if anew:
            self._layers.show_places(found, recipe)


def _answer(spot: Spot, seen: EmbeddedPlane, anew: bool) -> tuple[Likeness, bool]:
    return Likeness.of(spot, seen, with_places=anew), anew
