"""How soon *Clusters* answers to the pointer, and whether the window stays awake meanwhile.

Opens a window on a generated fundus image; under a virtual display: xvfb-run -a python
benchmarks/looking.py [--size 512] [--pixels 60]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import napari
import numpy as np
from qtpy.QtTest import QTest
from window import Heartbeat, until

from napari_localdisc.core.phantoms import fundus_phantom
from napari_localdisc.viewer.exploring.pixel_layers import Spot
from napari_localdisc.viewer.layers import METADATA_KEY
from napari_localdisc.widgets.panels.clusters import ClustersPanel


@contextmanager
def heartbeat(what: str) -> Iterator[None]:
    """Tell the gaps between heartbeats of the main thread."""
    heart = Heartbeat()
    with heart.listening():
        yield
    gaps = 1e3 * heart.gaps
    p99 = np.percentile(gaps, 99)
    print(f"{what}: gaps between heartbeats, 99 % within {p99:.0f} ms, longest {gaps.max():.0f} ms")


def main() -> None:
    """Print one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--pixels", type=int, default=60)
    options = parser.parse_args()
    viewer = napari.Viewer()
    image = viewer.add_image(fundus_phantom(0, options.size).image, rgb=True, name="fundus")
    panel = ClustersPanel(viewer)
    viewer.window.add_dock_widget(panel)
    QTest.qWait(500)
    for count, what in ((1, "embedding and the encoder's clusters"), (16, "16 other clusters")):
        panel.count.setValue(count)
        with heartbeat(what):
            panel.run_row.button.click()
            until(lambda: panel.run_row.button.text() != "Cancel")
    explored = panel.results.exploration.planes[0]
    print(f"embedding of {explored.labels.shape}, {image.name}")
    rng = np.random.default_rng(0)
    pixels = np.argwhere(explored.labels > 0)
    taken = []
    for row, column in pixels[rng.choice(len(pixels), options.pixels, replace=False)]:
        QTest.qWait(150)  # The last map is to be painted by now.
        start = time.perf_counter()
        panel.look.look_at(Spot(explored, (int(row), int(column))), anew=False)
        until(lambda place=[int(row), int(column)]: _shown(viewer) == place)
        taken.append(1e3 * (time.perf_counter() - start))
    # The first one also makes the layer.
    rest = np.array(taken[1:])
    print(
        f"similarity map of a pixel, {options.size} px: median {np.median(rest):.0f} ms,"
        f" 95 % within {np.percentile(rest, 95):.0f} ms, from the pointer to the layer"
    )
    viewer.close()


def _shown(viewer: napari.Viewer) -> list[int] | None:
    recipes = [layer.metadata.get(METADATA_KEY, {}) for layer in viewer.layers]
    return next((found["pixel"] for found in recipes if found.get("kind") == "similarity"), None)


if __name__ == "__main__":
    main()
