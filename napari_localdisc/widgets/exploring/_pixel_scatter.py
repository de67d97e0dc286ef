"""The scatter view of *Clusters*: draw around points, see their pixels in the images."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.theme import get_theme
from qtpy.compat import isalive
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_localdisc.core.clusters.outline import inside_outline
from napari_localdisc.core.clusters.pixel_sample import PixelSample
from napari_localdisc.viewer.exploring.explore import ExploredPlanes
from napari_localdisc.viewer.exploring.pixel_layers import PixelLayers
from napari_localdisc.widgets.exploring._cluster_results import ClusterResults
from napari_localdisc.widgets.exploring._scatter import Scatter
from napari_localdisc.widgets.jobs.latest import Latest
from napari_localdisc.widgets.parts._panel import wrapped_label

_HOW = "Drag around points to see their pixels in the images. Click a centre to see it alone."

_LINES = 3
"""What there is to say takes no more in a narrow dock."""

Mask = npt.NDArray[np.bool_]


class PixelScatter(QWidget):
    """Pixels and centres of a run's clusters, and what is selected among them."""

    def __init__(self, viewer: ViewerModel, results: ClusterResults, layers: PixelLayers) -> None:
        super().__init__()
        self._viewer, self._results, self._layers = viewer, results, layers
        self._sample: PixelSample | None = None
        self._latest = Latest(alive=lambda: isalive(self))
        self.plot = Scatter()
        self.report = wrapped_label(_HOW)
        # The form asks too little for it, and the plot would run into it.
        self.report.setMinimumHeight(_LINES * self.report.fontMetrics().lineSpacing())
        self.clear_button = QPushButton("Clear selection")
        self.clear_button.setToolTip("Take the selected pixels out of the images again.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.plot, self.report, self.clear_button):
            layout.addWidget(widget)
        self.clear_button.clicked.connect(self._clear)
        self.plot.outlined.connect(self._select)
        self.plot.picked.connect(results.isolate)
        results.regrouped.connect(self._show_groups)
        self._latest.answered.connect(self._on_selected)
        self.follow_theme()

    def show_run(self, exploration: ExploredPlanes) -> None:
        """Show the pixels of another run."""
        self._latest.forget()
        self._sample = PixelSample.join([explored.sample for explored in exploration.planes])
        self.report.setText(_HOW)
        self._show_groups()

    def follow_theme(self) -> None:
        """Draw in the colours of the viewer's theme."""
        self.plot.follow_theme(get_theme(self._viewer.theme).text.as_hex())

    def _show_groups(self) -> None:
        exploration, grouping = self._results.exploration, self._results.grouping
        if self._sample is None or exploration is None:
            return
        self.plot.show_pixels(self._sample.scores, grouping.lookup[self._sample.labels])
        cluster_statistics = exploration.cluster_statistics.grouped(grouping.lookup)
        means = cluster_statistics.sums / np.maximum(cluster_statistics.counts, 1)[:, None]
        scores = exploration.components.scores(means.T.astype(np.float32))
        self.plot.show_centres(
            {
                at: (float(scores[0, at - 1]), float(scores[1, at - 1]))
                for at in cluster_statistics.present
            },
            {at: grouping.name(at) for at in cluster_statistics.present},
        )

    def _select(self, outline: npt.NDArray[np.float64]) -> None:
        if self._results.exploration is not None:
            self._latest.ask(partial(_selected, self._results.exploration, outline))

    def _on_selected(self, masks: list[Mask]) -> None:
        exploration = self._results.exploration
        if exploration is None or len(masks) != len(exploration.planes):
            return
        by_image: dict[Image, list[int]] = {}
        for number, explored in enumerate(exploration.planes):
            by_image.setdefault(explored.plane.layer, []).append(number)
        for image, numbers in by_image.items():
            if image in self._viewer.layers:
                planes = [exploration.planes[at].plane for at in numbers]
                self._layers.show_selected(image, planes, [masks[at] for at in numbers])
        inside, total = sum(int(mask.sum()) for mask in masks), sum(mask.size for mask in masks)
        self.report.setText(f"{inside:,} pixels are selected, {inside / total:.1%} of all.")

    def _clear(self) -> None:
        self._latest.forget()
        self._layers.clear_selected()
        self.plot.clear_outline()
        self.report.setText(_HOW)


def _selected(exploration: ExploredPlanes, outline: npt.NDArray[np.float64]) -> list[Mask]:
    return [
        inside_outline(explored.scores, outline) & (explored.labels > 0)
        for explored in exploration.planes
    ]
