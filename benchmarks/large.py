"""Seconds and peak memory of segmenting one large image, for several sizes.

python benchmarks/large.py [--sides 2500 5000 10000] [--segmenter lungs]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from napari_localdisc.core.phantoms import xray_phantom

_CHILD = (
    "import resource, sys; from napari_localdisc.cli import main; code = main(sys.argv[1:]);"
    " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20); sys.exit(code)"
)


def measure(side: int, segmenter: str, folder: Path) -> tuple[float, float]:
    """Seconds and GiB of the whole command on a phantom of side x side pixels."""
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
    return time.perf_counter() - start, float(done.stdout.split()[-1])


def main() -> None:
    """Print a line a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[2500, 5000, 10000])
    parser.add_argument("--segmenter", default="lungs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for side in options.sides:
            seconds, peak = measure(side, options.segmenter, Path(name))
            per = seconds / (side * side / 1e6)
            print(f"{side} x {side}: {seconds:.1f} s ({per:.2f} s a megapixel), {peak:.2f} GiB")


if __name__ == "__main__":
    main()
