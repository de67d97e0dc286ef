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
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from napari_localdisc.core.phantoms import xray_phantom

_CHILD = (
    "import resource, sys; from napari_localdisc.cli import main; code = main(sys.argv[1:]);"
    " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20); sys.exit(code)"
)


@dataclass(frozen=True)
class Measured:
    """What the whole command took for an image of side x side pixels."""

    side: int
    seconds: float
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
    return Measured(side, time.perf_counter() - start, float(done.stdout.split()[-1]))


def plot(rows: list[Measured], path: Path) -> None:
    """Draw both against the pixels, each with the line that fits it best."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw(left, rows, [row.seconds for row in rows], "s")
    _draw(right, rows, [row.gib for row in rows], "GiB")
    left.set_ylabel("time, s")
    right.set_ylabel("peak memory, GiB")
    figure.savefig(path, dpi=100)


def _draw(axes: Axes, rows: list[Measured], values: list[float], unit: str) -> None:
    pixels = np.array([row.megapixels for row in rows])
    slope, offset = np.polyfit(pixels, values, 1)
    rest = np.var(values - (slope * pixels + offset))
    told = f"{offset:.2f} {unit} + {slope:.3f} {unit} per megapixel"
    axes.plot(pixels, values, "o", color="tab:blue")
    axes.plot(
        pixels, slope * pixels + offset, color="tab:orange",
        label=f"{told}, R² {1 - rest / np.var(values):.3f}",
    )  # fmt: skip
    axes.set(xlabel="megapixels", xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize="x-small", loc="upper left")


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
            rows.append(measure(side, options.segmenter, Path(name)))
            per = rows[-1].seconds / rows[-1].megapixels
            print(f"{side} x {side}: {rows[-1].seconds:.1f} s ({per:.2f} s a megapixel),", end=" ")
            print(f"{rows[-1].gib:.2f} GiB")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
