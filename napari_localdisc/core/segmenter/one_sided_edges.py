"""Edges that were taken for a curvilinear target.

A curvilinear structure stands out from both its sides; what follows the edge of something large, as
the rim of the optic disc does, stands out from one of them only.
"""

from __future__ import annotations

from math import cos, pi, sin

import torch
import torch.nn.functional as F
from skimage.morphology import skeletonize
from torch import Tensor

from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.local_contrast import local_contrast
from napari_localdisc.core.segmenter.postprocessing import postprocess

_ANGLES = 8
_DISTANCES = (4, 6, 8, 11)
"""Pixels from a middle line to either side: the first beyond both borders shows most."""
_SOFT = 1.0
_ALONG = 5.0
"""Width in pixels over which sides are averaged along a middle line."""
_USUAL = 0.5
"""Usual contrast of the weaker side, in that of the stronger, below which a target lies on edges
itself, as layers do; that of vessels is 0.85 to 0.91."""
_LEAST = 0.5
"""Share of the usual below which it is an edge."""


def one_sided_edges(channels: Tensor, fields: Tensor, labels: Tensor, target: int) -> Tensor:
    """Find what stands out from one side only.

    Parameters
    ----------
    channels : Tensor, shape (n, C, S, S)
        Normalised as a whole: means of the surroundings, once subtracted, leave false sides.
    fields : Tensor of bool, shape (n, S, S)
    labels : Tensor of int8 or uint8, shape (n, S, S)
        0 background, -1 undecided.
    target : int
        Label of a curvilinear target.

    Returns
    -------
    Tensor of bool, shape (n, S, S)
        Pixels of the target whose weaker side has less than half the share of the stronger one's
        contrast that is usual for the target, and less contrast than is usual: a vessel that runs
        beside the optic disc has one side like any other's, and one that is stronger still. None
        if the target as a whole lies on edges.
    """
    found = labels == target
    if not found.any():
        return found
    contrast = local_contrast(channels, fields, labels, target).mean(dim=0)
    direction = contrast / contrast.square().sum().clamp_min(1e-6)
    sides = [
        _sides(torch.einsum("chw,c->hw", seen.float(), direction), one)
        for seen, one in zip(channels, found, strict=True)
    ]
    weaker, stronger = torch.stack(sides, dim=1).unbind()
    ratio = weaker / stronger.clamp_min(1e-6)
    usual = ratio[found].median()
    one_sided = (ratio < _LEAST * usual) & (weaker < weaker[found].median())
    return found & one_sided & (usual >= _USUAL)


def remove_one_sided_edges(
    probabilities: Tensor,
    channels: Tensor,
    fields: Tensor,
    thresholds: tuple[float, ...],
    shape_statistics: tuple[ShapeStatistics, ...],
) -> Tensor:
    """Take edges from the curvilinear targets, image by image.

    The background does not gain what they lose: how sure a classifier was is not forgotten.

    Parameters
    ----------
    probabilities : Tensor, shape (n, K + 1, S, S)
        Class probabilities, 0 the background.
    channels : Tensor, shape (n, C, S, S)
        As for `one_sided_edges`.
    fields : Tensor of bool, shape (n, S, S)
    thresholds : tuple of float
        Per target.
    shape_statistics : tuple of ShapeStatistics
        Per target.

    Returns
    -------
    Tensor, shape (n, K + 1, S, S)
    """
    curvilinear = [
        target
        for target, statistics in enumerate(shape_statistics, start=1)
        if statistics.curvilinear
    ]
    if not curvilinear:
        return probabilities
    cleared = probabilities.clone()
    for index, (seen, field) in enumerate(zip(channels, fields, strict=True)):
        planes = (probabilities[index] * field).float().cpu().numpy()
        labels = torch.from_numpy(postprocess(planes, thresholds, shape_statistics)).to(
            probabilities.device
        )
        for target in curvilinear:
            edges = one_sided_edges(seen[None], field[None], labels[None], target)[0]
            cleared[index, target][edges] = 0
    return cleared


def _sides(evidence: Tensor, mask: Tensor) -> Tensor:
    """Contrast with the weaker and the stronger side (2, S, S), along the nearest middle lines.

    Parameters
    ----------
    evidence : Tensor, shape (S, S)
        Higher in the target than beside it.
    mask : Tensor of bool, shape (S, S)
    """
    middle = torch.from_numpy(skeletonize(mask.cpu().numpy())).to(evidence)
    near = blur(middle[None, None], _ALONG)[0, 0].clamp_min(1e-6)
    weighted = torch.stack(_opposite(evidence)) * middle
    return blur(weighted[None], _ALONG)[0] / near


def _opposite(evidence: Tensor) -> tuple[Tensor, Tensor]:
    """By how much each pixel stands out from two opposite sides, where the lesser is largest."""
    smooth = blur(evidence[None, None], _SOFT)
    room, size = max(_DISTANCES), evidence.shape[-1]
    padded = F.pad(smooth, (room,) * 4, mode="replicate")[0, 0]

    def beside(down: int, right: int) -> Tensor:
        rows, columns = (slice(room + by, room + by + size) for by in (down, right))
        return smooth[0, 0] - padded[rows, columns]

    weaker = torch.full_like(evidence, -torch.inf)
    stronger = torch.zeros_like(evidence)
    for angle in (pi * turn / _ANGLES for turn in range(_ANGLES)):
        for distance in _DISTANCES:
            down, right = round(distance * sin(angle)), round(distance * cos(angle))
            one, other = beside(down, right), beside(-down, -right)
            less = torch.minimum(one, other)
            stronger = torch.where(less > weaker, torch.maximum(one, other), stronger)
            weaker = torch.maximum(less, weaker)
    return weaker, stronger
