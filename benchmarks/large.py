"""Seconds and peak memory of segmenting one large image, for several sizes.

python benchmarks/large.py [--sides 1000 10000] [--segmenter lungs] [--plot large.png]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from napari_localdisc.core.phantoms import xray_phantom

_CHILD = (
    "import resource, sys; from napari_localdisc.cli import main; code = main(sys.argv[1:]);"
    " used = resource.getrusage(resource.RUSAGE_SELF);"
    " print(used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20); sys.exit(code)"
)


@dataclass(frozen=True)
class Measured:
    """What the whole command took for an image of side x side pixels.

    Attributes
    ----------
    seconds : float
        By the clock.
    core_seconds : float
        Of all cores together, which other work on the machine hardly changes.
    gib : float
        Memory at its peak.
    """

    side: int
    seconds: float
    core_seconds: float
    gib: float

    @property
    def megapixels(self) -> float:
        """Pixels of the image."""
        return self.side**2 / 1e6


def measure(side: int, segmenter: str, folder: Path) -> Measured:
    """Run the whole command, in a process of its own, on a phantom of side x side pixels."""
    image = folder / f"{side}.png"
    film = Image.fromarray(xray_phantom(0, 512).image)
    film.resize((side, side), Image.Resampling.BILINEAR).save(image, compress_level=1)
    command = ["segment", str(image), "-o", str(folder / f"out-{side}"), "-q"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *command, "--segmenter", segmenter],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    core_seconds, gib = map(float, done.stdout.split()[-2:])
    return Measured(side, seconds, core_seconds, gib)


def plot(rows: list[Measured], path: Path) -> None:
    """Draw time and memory against the pixels, with the lines that fit them best."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    pixels = np.array([row.megapixels for row in rows])
    _draw(left, pixels, [row.seconds for row in rows], "s", "clock")
    _draw(left, pixels, [row.core_seconds for row in rows], "s", "cores")
    _draw(right, pixels, [row.gib for row in rows], "GiB", "peak")
    left.set_ylabel("time, s")
    right.set_ylabel("memory, GiB")
    for axes in (left, right):
        axes.set(xlabel="megapixels", xlim=(0, None), ylim=(0, 1.2 * axes.get_ylim()[1]))
        axes.legend(fontsize="x-small", loc="upper left")
    figure.savefig(path, dpi=100)


def _draw(
    axes: Axes, pixels: npt.NDArray[np.float64], values: list[float], unit: str, what: str
) -> None:
    slope, offset = np.polyfit(pixels, values, 1)
    fitted = slope * pixels + offset
    share = 1 - np.var(np.array(values) - fitted) / np.var(values)
    told = f"{what}: {offset:.2f} {unit} + {slope:.3f} {unit} a megapixel, R² {share:.3f}"
    (line,) = axes.plot(pixels, fitted, label=told)
    axes.plot(pixels, values, "o", color=line.get_color())


def main() -> None:
    """Print a line a size, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[1000, 2000, 4000, 7000, 10000])
    parser.add_argument("--segmenter", default="lungs")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for side in options.sides:
            row = measure(side, options.segmenter, Path(name))
            rows.append(row)
            print(f"{side} x {side}: {row.seconds:.1f} s by the clock,", end=" ")
            print(f"{row.core_seconds:.1f} s of the cores, {row.gib:.2f} GiB")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
