"""A small segmenter and small images: for runs in which the files count, not what is found."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.guidance.guidance import GuideConfig, guide
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.segmenters import save_segmenter

_DIFFERENT = 100
"""Phantoms that are painted; more files are copies of them, each with a mark of its own."""


def write_segmenter(path: Path) -> None:
    """Guide a segmenter of lungs, with the least effort that goes through all stages."""
    torch.manual_seed(0)
    card = EncoderCard(
        name="tiny", modality="phantoms", channels=1, scales=(), widths=(4, 4), embedding_dim=4,
        clusters=3, working_size=64,
    )  # fmt: skip
    effort = GuideConfig(
        size=64, starts=1, candidates=4, generations=2, searches=1, denoise_steps=5,
        refine_steps=5,
    )  # fmt: skip
    encoder = Encoder(card, card.build().eval())
    images = [xray_phantom(seed, 64).image for seed in range(3)]
    save_segmenter(
        drain(guide(images, simulate("lungs", 4, size=64), encoder, effort)).segmenter, path
    )


def write_images(folder: Path, count: int, side: int = 64) -> list[Path]:
    """Write X-ray phantoms."""
    folder.mkdir(parents=True, exist_ok=True)
    painted = [xray_phantom(seed, side).image for seed in range(min(count, _DIFFERENT))]
    paths = []
    for number in range(count):
        pixels = painted[number % _DIFFERENT].copy()
        pixels[0, :3] = number % 256, number // 256 % 256, 128
        paths.append(folder / f"{number:05}.png")
        PIL.Image.fromarray(pixels).save(paths[-1])
    return paths
