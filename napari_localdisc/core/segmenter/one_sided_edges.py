"""Edges that were taken for a slender target.

A slender structure stands out from both its sides; what follows the edge of something large, as
the rim of the optic disc does, stands out from one of them only.
"""

from __future__ import annotations

from math import cos, pi, sin

import torch
import torch.nn.functional as F
from skimage.morphology import skeletonize
from torch import Tensor

from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.priors.shape_statistics import ShapeRules
from napari_localdisc.core.segmenter.local_contrast import local_contrast
from napari_localdisc.core.segmenter.postprocessing import decide

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


def lopsided(channels: Tensor, fields: Tensor, labels: Tensor, target: int) -> Tensor:
    """Find what stands out from one side only.

    Parameters
    ----------
    channels : Tensor, shape (n, C, S, S)
        Normalised as a whole: means of the surroundings, once subtracted, leave false sides.
    fields : Tensor of bool, shape (n, S, S)
    labels : Tensor of int8 or uint8, shape (n, S, S)
        0 background, -1 undecided.
    target : int
        Label of a slender target.

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


def without_edges(
    shares: Tensor,
    channels: Tensor,
    fields: Tensor,
    thresholds: tuple[float, ...],
    rules: tuple[ShapeRules, ...],
) -> Tensor:
    """Take edges from the slender targets, image by image.

    The background does not gain what they lose: how sure a classifier was is not forgotten.

    Parameters
    ----------
    shares : Tensor, shape (n, K + 1, S, S)
        Class probabilities, 0 the background.
    channels : Tensor, shape (n, C, S, S)
        As for `lopsided`.
    fields : Tensor of bool, shape (n, S, S)
    thresholds : tuple of float
        Per target.
    rules : tuple of ShapeRules
        Per target.

    Returns
    -------
    Tensor, shape (n, K + 1, S, S)
    """
    slender = [target for target, rule in enumerate(rules, start=1) if rule.slender]
    if not slender:
        return shares
    cleared = shares.clone()
    for index, (seen, field) in enumerate(zip(channels, fields, strict=True)):
        planes = (shares[index] * field).float().cpu().numpy()
        labels = torch.from_numpy(decide(planes, thresholds, rules)).to(shares.device)
        for target in slender:
            edges = lopsided(seen[None], field[None], labels[None], target)[0]
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
