"""How long napari's window stands still while this plugin works: gaps between beats of a timer.

xvfb-run -a python benchmarks/heartbeat.py [--images 6] [--size 512] [--limit 0.15]

A timer on the main thread is to beat every 5 ms. Each job is started by its own button in a real
window; the exit code is 1 if the 99th percentile of the gaps is above the limit in any of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from qtpy.QtCore import QThreadPool
from window import Heartbeat, Window, until

from napari_localdisc.core.phantoms import xray_phantom


def measure(folder: Path, output: Path) -> dict[str, Any]:
    """Run every long job once; returns the gaps of each."""
    window, heart = Window(), Heartbeat()
    for path in sorted(folder.glob("*.png")):
        window.viewer.open(path)
    gaps = {}
    with heart.listening():
        until(lambda: len(heart.beats) > 400)
    gaps["nothing"] = heart.gaps
    with heart.listening():
        clusters = window.open_dock("clusters")
    gaps["opening the first panel"] = heart.gaps
    with heart.listening():
        window.run(clusters)
    gaps["loading an encoder, embedding, clusters"] = heart.gaps
    guided = window.open_dock("guided")
    guided.quick.value = True
    with heart.listening():
        window.run(guided)
    gaps["guidance, a quick look (lungs)"] = heart.gaps
    panel = window.open_dock("folder")
    panel.input.value, panel.output.value, panel.method.value = (
        folder,
        output,
        "The segmenter in use",
    )
    with heart.listening():
        window.run(panel)
    gaps["folder"] = heart.gaps
    # Qt's own threads serve the window's drawing: no job may hold one.
    QThreadPool.globalInstance().setMaxThreadCount(1)
    panel.overwrite.value = True
    with heart.listening():
        guided.run_row.button.click()
        window.run(panel)
        until(lambda: not guided.run_row.runner.running)
    gaps["guidance and a folder at once, 1 thread"] = heart.gaps
    window.viewer.close()
    return gaps


def main() -> int:
    """Print a line a job."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--limit", type=float, default=0.15, help="seconds, 99th percentile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "images"
        folder.mkdir()
        for seed in range(options.images):
            Image.fromarray(xray_phantom(seed, options.size).image).save(folder / f"{seed}.png")
        gaps = measure(folder, Path(name) / "masks")
    print(f"{'while':42} {'beats':>6} {'median':>7} {'99 %':>7} {'longest':>8}  (ms)")
    for job, found in gaps.items():
        middle, high = (1000 * np.percentile(found, share) for share in (50, 99))
        longest = 1000 * found.max()
        print(f"{job:42} {len(found):6} {middle:7.0f} {high:7.0f} {longest:8.0f}")
    worst = max(np.percentile(found, 99) for found in gaps.values())
    return int(worst > options.limit)


if __name__ == "__main__":
    sys.exit(main())
