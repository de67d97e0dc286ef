"""Template matching by cross-correlation: reference masks as templates in the Fourier domain.

A pose is as likely as its inside and its surroundings differ: the score is the t-statistic of the
evidence inside against that in a ring around. A plain sum over both would favour large templates,
whose rings grow with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import binary_fill_holes
from scipy.special import stdtrit
from torch import Tensor

from napari_localdisc.core.imaging.correlation import padded_spectrum, shifted, signed_shifts
from napari_localdisc.core.imaging.morphology import dilate, erode
from napari_localdisc.core.imaging.scaling import scale_about_centre

_SCALES = (0.9, 1.0, 1.1)
EVEN = tuple((scale, scale) for scale in _SCALES)
"""Heights and widths of templates that keep the references' proportions."""
STRETCHED = tuple(product(_SCALES, _SCALES))
"""Heights and widths of templates of other builds than the references'."""
_RING, _LEAST_RING = 0.5, 2
"""Width of the ring around a template in radii of a disc of its area, and in pixels at least."""
_BORDER_BAND = 3
"""Part of that width, one third, in which a template is compared along its border only."""
_VISIBLE = 0.9
"""Share of a template that must lie in the field of view."""
_ROOM = 0.1
"""Room for shifts beyond where the next reference may be expected, relative to the side."""
_PREDICTION = 0.995
"""Quantile of Student's t for a two-sided prediction interval of 99 %."""
_BATCH = 8
"""Templates that are correlated at once."""
_ENCLOSED = 0.9
"""Share of a target within another's outline from which the other encloses it."""


class Templates:
    """Templates: references at several scales, with rings around them, and their spectra.

    Parameters
    ----------
    references : Tensor, shape (N, K, S, S)
        Binary masks at the resolution of the search.
    scales : sequence of (float, float)
        Heights and widths relative to the references'; (1, 1) is one of them.
    by_border : bool
        Whether a template is compared along its border only, in narrow bands inside and outside,
        rather than as a whole.

    Attributes
    ----------
    masks, rings : Tensor of float32, shape (T, K, S, S)
        Templates, and their surroundings.
    mean_area : float
        Share of the canvas that a target covers on average.
    """

    def __init__(
        self,
        references: Tensor,
        scales: Sequence[tuple[float, float]] = EVEN,
        *,
        by_border: bool = False,
    ) -> None:
        self.targets, self.size, self.scales = references.shape[1], references.shape[-1], scales
        self.masks = _scaled(references.float(), scales)
        mean_area = self.masks.sum(dim=(2, 3)).clamp_min(1.0).mean()
        self.mean_area = float(mean_area / self.size**2)
        width = _ring_width(float((mean_area / torch.pi).sqrt()), by_border=by_border)
        solid = self.masks.round()
        self.rings = dilate(solid, width) * (1 - _not_in_rings(solid))
        inside = solid - erode(solid, width) if by_border else self.masks
        self.contrast_spectra = padded_spectrum(_contrast_weights(inside, self.rings))
        union = self.masks.amax(dim=1)
        self.union_areas = union.sum(dim=(1, 2)).clamp_min(1.0)
        self.union_spectra = padded_spectrum(union)
        self.allowed_shifts = self._allowed_shifts(references.float())

    def _allowed_shifts(self, references: Tensor) -> Tensor:
        """Shifts (2 S, 2 S) within a prediction interval of the references' centres, bool.

        Of a single reference no interval can be computed, and all shifts are allowed.
        """
        count, sides = len(references), (2 * self.size, 2 * self.size)
        if count == 1:
            return torch.ones(sides, dtype=torch.bool, device=references.device)
        line = torch.arange(self.size, device=references.device) / self.size
        whole = references.amax(dim=1)
        mass = whole.sum(dim=(1, 2)).clamp_min(1.0)
        rows = (whole.sum(dim=2) * line).sum(dim=1) / mass
        columns = (whole.sum(dim=1) * line).sum(dim=1) / mass
        shift = torch.fft.fftfreq(2 * self.size, device=references.device).abs() * 2
        factor = float(stdtrit(count - 1, _PREDICTION)) * (1 + 1 / count) ** 0.5
        reach = [factor * centres.std() + _ROOM for centres in (rows, columns)]
        allowed: Tensor = (shift <= reach[0])[:, None] & (shift <= reach[1])[None, :]
        return allowed

    def valid_shifts(self, fields: Tensor) -> list[Tensor]:
        """Per batch of templates, the shifts that keep them in view: bool (n, T, 2 S, 2 S)."""
        field = padded_spectrum(fields.float())
        found = []
        for first in range(0, len(self.masks), _BATCH):
            part = slice(first, first + _BATCH)
            inside = torch.fft.irfft2(field[:, None] * self.union_spectra[part].conj()[None])
            visible = inside / self.union_areas[part][None, :, None, None] >= _VISIBLE
            found.append(visible & self.allowed_shifts)
        return found

    def best_match(self, evidence: Tensor, valid_shifts: list[Tensor]) -> Tensor:
        """Match templates: the most likely template and shift per image.

        Parameters
        ----------
        evidence : Tensor, shape (n, K, S, S)
            High inside a target, low around it; zero outside the field of view.
        valid_shifts : list of Tensor
            From `valid_shifts`.

        Returns
        -------
        Tensor of int64, shape (n, 3)
            Template, row shift and column shift.
        """
        seen = padded_spectrum(evidence)
        score = torch.full((len(evidence),), -torch.inf, device=evidence.device)
        choice = torch.zeros(len(evidence), 3, dtype=torch.int64, device=evidence.device)
        for batch, allowed in enumerate(valid_shifts):
            first = batch * _BATCH
            spectra = self.contrast_spectra[first : first + _BATCH].conj()
            likely = torch.fft.irfft2(torch.einsum("nkij,tkij->ntij", seen, spectra))
            value, place = likely.masked_fill(~allowed, -torch.inf).flatten(1).max(dim=1)
            better = value > score
            score = torch.where(better, value, score)
            choice[better] = self._decode(place, first)[better]
        return choice

    def in_place(self, count: int) -> Tensor:
        """Choose the references in turn for `count` images, unscaled and unshifted."""
        each = len(self.masks) // len(self.scales)
        template = self.scales.index((1.0, 1.0)) * each + torch.arange(count) % each
        return F.pad(template[:, None], (0, 2))

    def _decode(self, place: Tensor, first: int) -> Tensor:
        side = 2 * self.size
        template = place // side**2 + first
        return torch.cat([template[:, None], signed_shifts(place % side**2, self.size)], dim=1)

    def pose(self, choice: Tensor) -> tuple[Tensor, Tensor]:
        """Masks and rings (n, K, S, S), bool, of chosen templates at chosen shifts."""
        posed = [
            torch.stack([shifted(source[t].round(), r, c) for t, r, c in choice.tolist()]) > 0.5
            for source in (self.masks, self.rings)
        ]
        return posed[0], posed[1]


def _scaled(masks: Tensor, scales: Sequence[tuple[float, float]]) -> Tensor:
    """Masks (N, K, S, S) at each of the scales, those of one scale after those of another."""
    factors = torch.tensor(scales, device=masks.device).expand(len(masks), -1, -1)
    return torch.cat([scale_about_centre(masks, one) for one in factors.unbind(1)])


def rings_around(masks: Tensor) -> Tensor:
    """Rings around binary templates (T, K, S, S): everything near a target that is no target."""
    area = masks.sum(dim=(2, 3)).clamp_min(1.0).mean()
    width = _ring_width(float((area / torch.pi).sqrt()), by_border=False)
    return dilate(masks, width) * (1 - _not_in_rings(masks))


def _ring_width(radius: float, *, by_border: bool) -> int:
    width = max(_LEAST_RING, round(radius * _RING))
    return max(1, width // _BORDER_BAND) if by_border else width


def _not_in_rings(masks: Tensor) -> Tensor:
    """Where rings must not lie, as masks (N, K, S, S): on their own target, nor on another.

    What encloses a target, as the rim does the cup, is its surroundings and belongs to its ring.
    """
    solid = masks.bool().cpu().numpy()
    filled = np.stack([[binary_fill_holes(plane) for plane in planes] for planes in solid])
    excluded = masks.clone()
    for target, other in permutations(range(masks.shape[1]), 2):
        hidden = (solid[:, target] & filled[:, other]).sum()
        if hidden < _ENCLOSED * solid[:, target].sum():
            excluded[:, target] = torch.maximum(excluded[:, target], masks[:, other])
    return excluded


def _contrast_weights(masks: Tensor, rings: Tensor) -> Tensor:
    """Weights (N, K, S, S) that sum evidence of unit variance to a t-statistic."""
    inside = masks.sum(dim=(2, 3), keepdim=True).clamp_min(1.0)
    around = rings.sum(dim=(2, 3), keepdim=True).clamp_min(1.0)
    return (masks / inside - rings / around) / (1 / inside + 1 / around).sqrt()
