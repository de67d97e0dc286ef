"""Scattered targets by their brightness: Otsu's threshold, the side that looks like the prior.

Nuclei and the like are many, small and anywhere; what tells them from the ground is that they are
brighter or darker. Both sides of the threshold are tried in every channel, and the one whose masks
have the lowest shape KL is taken; no label is needed.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from skimage.filters import threshold_otsu
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.expect.posterior import Evidence
from napari_localdisc.core.segmenter.pixel_features import PixelSet


def match_brightness(pixels: PixelSet, prior_match: PriorMatch) -> Run[Evidence]:
    """Masks of a single scattered target by the threshold that suits the prior best.

    Parameters
    ----------
    pixels : PixelSet
    prior_match : PriorMatch
        Of that target alone.

    Yields
    ------
    Progress
        Per channel and side.
    """
    channels = pixels.whole.float()
    tidy = prior_match.resolution.shape_statistics[0].tidy
    tried = list(product(range(channels.shape[1]), (1, -1)))
    found = []
    for done, (channel, sign) in enumerate(tried):
        above = _above(sign * channels[:, channel], pixels.fields)
        masks = np.stack([tidy(mask) for mask in above.cpu().numpy()])
        found.append((prior_match.kl(masks.astype(np.uint8), pixels.fields), masks))
        message, values = f"shape KL {found[-1][0]:.2f}", {"kl": found[-1][0]}
        yield Progress("search", done + 1, len(tried), message, values)
    _, best = min(found, key=lambda one: one[0])
    probability = torch.from_numpy(best).to(channels)
    return Evidence(probability, torch.ones_like(pixels.fields))


def _above(channel: Tensor, fields: Tensor) -> Tensor:
    """Where each image (n, S, S) lies above its threshold, bool."""
    found = torch.zeros_like(fields)
    for index, (image, field) in enumerate(zip(channel, fields, strict=True)):
        inside = image[field].cpu().numpy()
        if inside.size and np.ptp(inside) > 0:
            found[index] = (image > float(threshold_otsu(inside))) & field
    return found
