"""A first preview of the targets within seconds, from one or a few of many images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.expect.posterior import CurvilinearPosterior
from napari_localdisc.core.guidance.expect.template_matching import TemplateMatchingPosterior
from napari_localdisc.core.guidance.preview import Previewer
from napari_localdisc.core.segmenter.pixel_features import PixelSet, pixel_set

_IMAGES, _STARTS = 4, 3
"""Images and starts of template matching."""


def first_look(
    images: Sequence[npt.NDArray[np.generic]],
    encoder: Encoder,
    prior_match: PriorMatch,
    seed: int,
    device: torch.device,
) -> Run[None]:
    """Preview the targets on the first image, before guidance on all of many images begins.

    Compact ones are matched on four images; for curvilinear ones the best single feature is taken,
    on one. With few images guidance itself shows as much as soon.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
    encoder : Encoder
    prior_match : PriorMatch
    seed : int
    device : torch.device

    Yields
    ------
    Progress
        ``embed`` and ``search``; in the end a ``preview``.
    """
    resolution = prior_match.resolution
    if len(images) <= 2 * _IMAGES or (resolution.curvilinear and resolution.compact):
        return
    some = images[:1] if resolution.curvilinear else images[:_IMAGES]
    pixels = yield from pixel_set(some, encoder, resolution.size, device)
    previewer = Previewer(images[0].shape[:2], pixels.fields[0], prior_match)
    find = _curvilinear if resolution.curvilinear else _compact
    probabilities = yield from find(pixels, prior_match, seed)
    labels = previewer.labels(probabilities)
    if labels.any():
        yield previewer.preview("first look", labels)


def _curvilinear(pixels: PixelSet, prior_match: PriorMatch, seed: int) -> Run[Tensor]:
    planes = []
    for target in prior_match.resolution.curvilinear:
        posterior = CurvilinearPosterior(pixels, prior_match.references[:, target], seed)
        planes.append((yield from posterior.first_look()))
    return torch.stack(planes)


def _compact(pixels: PixelSet, prior_match: PriorMatch, seed: int) -> Run[Tensor]:
    posterior = TemplateMatchingPosterior(
        pixels, prior_match.references, prior_match.resolution, _STARTS, seed
    )
    match = yield from posterior.match()
    return torch.stack([one.probability[0] for one in match.evidence])
