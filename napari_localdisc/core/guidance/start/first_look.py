"""A first look: where targets are, as one or a few of many images tell it within seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.guidance.choose.prior_match import Judge
from napari_localdisc.core.guidance.expect.posterior import SlenderPosterior
from napari_localdisc.core.guidance.expect.template_matching import CompactPosterior
from napari_localdisc.core.guidance.preview import LiveView
from napari_localdisc.core.segmenter.pixel_features import PixelSet, pixel_set

_IMAGES, _STARTS = 4, 3


def glance(
    images: Sequence[npt.NDArray[np.generic]],
    encoder: Encoder,
    judge: Judge,
    seed: int,
    device: torch.device,
) -> Run[None]:
    """Find targets in the first of many images, and show them on the first.

    Compact ones are posed on four images; of slender ones the feature that suits best is taken, on
    one. Of few images guidance itself has as much to show as soon.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
    encoder : Encoder
    judge : Judge
    seed : int
    device : torch.device

    Yields
    ------
    Progress
        ``embed`` and ``search``; in the end a ``preview``.
    """
    plan = judge.plan
    if len(images) <= 2 * _IMAGES or (plan.slender and plan.compact):
        return
    some = images[:1] if plan.slender else images[:_IMAGES]
    pixels = yield from pixel_set(some, encoder, plan.size, device)
    live = LiveView(images[0].shape[:2], pixels.fields[0], judge)
    find = _slender if plan.slender else _compact
    believed = yield from find(pixels, judge, seed)
    labels = live.labels(believed)
    if labels.any():
        yield live.preview("first look", labels)


def _slender(pixels: PixelSet, judge: Judge, seed: int) -> Run[Tensor]:
    believed = []
    for target in judge.plan.slender:
        posterior = SlenderPosterior(pixels, judge.references[:, target], seed)
        believed.append((yield from posterior.glimpse()))
    return torch.stack(believed)


def _compact(pixels: PixelSet, judge: Judge, seed: int) -> Run[Tensor]:
    posterior = CompactPosterior(pixels, judge.references, judge.plan, _STARTS, seed)
    evidence = yield from posterior.start()
    return torch.stack([one.share[0] for one in evidence])
