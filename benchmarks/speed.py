"""Seconds and peak memory of what takes time, on this machine and generated images.

python benchmarks/speed.py [--images 20] [--size 512] [--device cuda]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.similarity import similarity_map
from napari_localdisc.core.encoder.embedding import embed
from napari_localdisc.core.encoder.encoder import Encoder, load_encoder
from napari_localdisc.core.encoder.network import channels_last
from napari_localdisc.core.guidance.guidance import GuideConfig, guide
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.priors import simulate
from napari_localdisc.core.segmenter.pixel_features import prepare


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


def time_embedding(
    name: str, encoder: Encoder, image: npt.NDArray[np.uint8], device: torch.device
) -> npt.NDArray[np.float32]:
    """Print how long an image takes to embed, and return its embedding (D, H, W)."""
    embedding = drain(embed(image, encoder, device))
    taken = seconds(lambda: drain(embed(image, encoder, device)), 9)
    size = "x".join(map(str, image.shape[:2]))
    print(f"embed one {size} image, {name}: {taken:.2f} s, peak {peak_gib():.2f} GiB")
    return embedding


def throughput(
    encoder: Encoder, image: npt.NDArray[np.uint8], size: int, device: torch.device
) -> float:
    """Images a second through the network alone, 16 together."""
    inputs, _ = prepare([image] * 16, encoder.card.preprocessing, size, device)
    network = channels_last(encoder.network.to(device)).eval()
    inputs = inputs.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def work() -> None:
        network.embed(network.body(inputs))
        if device.type == "cuda":
            torch.cuda.synchronize()

    work()
    return 16 / seconds(work, 5)


def main() -> None:
    """Print one line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--device", type=resolve_device, default="cpu")
    options = parser.parse_args()
    size, device = options.size, options.device
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {device}")
    encoder = load_encoder("fundus")
    image = fundus_phantom(0, size).image
    embedding = time_embedding("fundus", encoder, image, device)
    time_embedding("chest-xray", load_encoder("chest-xray"), xray_phantom(0, size).image, device)
    taken = seconds(lambda: similarity_map(embedding, (size // 2, size // 2)), 15)
    print(f"similarity map of a pixel, embedding at hand: {1e3 * taken:.0f} ms")
    images = [fundus_phantom(seed, size).image for seed in range(options.images)]
    prior = simulate("vessels", 20, 0)
    for which in ("first", "second") if device.type == "cuda" else ("only",):
        taken = seconds(lambda: drain(guide(images, prior, encoder, GuideConfig(), device)))
        print(
            f"guide vessels on {len(images)} images at {size} px, {which} time:"
            f" {taken:.0f} s, peak {peak_gib():.2f} GiB"
        )
    # Last: 16 images together take more memory than all of guidance.
    print(f"network alone: {throughput(encoder, image, size, device):.1f} images a second")


if __name__ == "__main__":
    main()
