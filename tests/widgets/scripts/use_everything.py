"""Use every panel of a real window, and say what its process has imported.

python use_everything.py FOLDER ENCODER SEGMENTER OUTPUT
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import napari
from qtpy.QtCore import QThreadPool, QTimer
from qtpy.QtWidgets import QApplication

from napari_localdisc.compute.client import compute_process
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.viewer.session import session_of

EFFORT = GuideConfig(
    size=64,
    starts=1,
    candidates=4,
    generations=2,
    searches=1,
    denoise_steps=5,
    refine_steps=60,
)
HEAVY = ("torch", "kornia", "triton")


def until(done, limit=60.0):
    end = time.monotonic() + limit
    while not done():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.monotonic() > end:
            raise TimeoutError


def opened(viewer, name):
    _, dock = viewer.window.add_plugin_dock_widget("napari-localdisc", name)
    until(lambda: dock.panel is not None)
    return dock.panel


def ended(*panels):
    until(lambda: not any(panel.run_row.runner.running for panel in panels))
    for panel in panels:
        assert not panel.run_row.runner.cancelled, panel


def main(films: Path, encoder: str, segmenter: str, output: Path) -> None:
    QThreadPool.globalInstance().setMaxThreadCount(1)
    viewer = napari.Viewer(show=True)
    encoders, clusters, priors, guided, folder = (
        opened(viewer, name) for name in ("Encoder", "Clusters", "Priors", "Find", "Folder")
    )
    session = session_of(viewer)
    session.encoder_name, session.device = encoder, "cpu"
    viewer.open(films / "0.png")
    encoders.run_row.button.click()
    ended(encoders)
    priors.ready_made.structure.value, priors.ready_made.count.value = "lungs", 4
    priors.run_row.button.click()
    ended(priors)
    clusters.run_row.button.click()
    ended(clusters)
    look, explored = clusters.look, clusters.results.exploration.planes[0]
    from napari_localdisc.viewer.exploring.pixel_layers import Spot

    look.look_at(Spot(explored, (20, 30)), anew=True)
    until(lambda: "0 similarity" in viewer.layers)

    beats = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(5)
    guided.effort = EFFORT
    folder.input.value, folder.output.value = films, output
    folder.method.value, folder.segmenter_file.value = "A segmenter file", segmenter
    guided.run_row.button.click()
    until(lambda: compute_process().waiting)
    folder.run_row.button.click()
    until(lambda: len(compute_process().waiting) == 2)
    at_once = list(compute_process().waiting)
    ended(guided, folder)
    timer.stop()
    gaps = [after - before for before, after in pairwise(beats)]
    said = {
        "heavy": [name for name in HEAVY if name in sys.modules],
        "layers": [layer.name for layer in viewer.layers],
        "at once": at_once,
        "longest gap": max(gaps),
    }
    print(json.dumps(said), flush=True)  # noqa: T201
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
