"""A first look: where compact targets are, as a few of many images tell it within seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.core.encoder import Encoder
from napari_localdisc.core.features import pixel_set
from napari_localdisc.core.judging import Judge
from napari_localdisc.core.live import LiveView
from napari_localdisc.core.posing import CompactPosterior
from napari_localdisc.core.posterior import winners
from napari_localdisc.core.progress import Run

_IMAGES, _STARTS = 4, 3


def glance(
    images: Sequence[npt.NDArray[np.generic]],
    encoder: Encoder,
    judge: Judge,
    seed: int,
    device: torch.device,
) -> Run[None]:
    """Pose the references on the first of many images, and show it on the first.

    Of few images guidance itself has as much to show as soon; slender targets take longer.

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
    plan, references = judge.plan, judge.references
    if plan.slender or len(images) <= 2 * _IMAGES:
        return
    pixels = yield from pixel_set(images[:_IMAGES], encoder, plan.size, device)
    evidence = yield from CompactPosterior(pixels, references, plan, _STARTS, seed).start()
    labels = winners(evidence, pixels.fields)[0].to(torch.uint8).cpu().numpy()
    height, width = images[0].shape[:2]
    yield LiveView((height, width), pixels.fields[0], judge).preview("first look", labels)
