"""Seconds and peak memory of what takes time, on this machine and generated images.

python benchmarks/speed.py [--images 20] [--size 512]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import torch

from napari_localdisc.core.embedding import embed
from napari_localdisc.core.encoder import load_encoder
from napari_localdisc.core.guidance import GuideConfig, guide
from napari_localdisc.core.phantoms import fundus_phantom
from napari_localdisc.core.progress import drain
from napari_localdisc.core.shapes import simulate
from napari_localdisc.core.similarity import similarity_map


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Median wall-clock seconds."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def peak_gib() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, CPU")
    encoder = load_encoder("fundus")
    image = fundus_phantom(0, options.size).image
    drain(embed(image, encoder))
    taken = seconds(lambda: drain(embed(image, encoder)), 5)
    print(
        f"embed one {options.size}x{options.size} image: {taken:.2f} s, peak {peak_gib():.2f} GiB"
    )
    embedding = drain(embed(image, encoder))
    taken = seconds(lambda: similarity_map(embedding, (200, 300)), 15)
    print(f"similarity map of a pixel, embedding at hand: {1e3 * taken:.0f} ms")
    images = [fundus_phantom(seed, options.size).image for seed in range(options.images)]
    prior = simulate("vessels", 20, 0)
    taken = seconds(lambda: drain(guide(images, prior, encoder, GuideConfig())))
    print(
        f"guide vessels on {options.images} images at {options.size} px:"
        f" {taken:.0f} s, peak {peak_gib():.2f} GiB"
    )


if __name__ == "__main__":
    main()
