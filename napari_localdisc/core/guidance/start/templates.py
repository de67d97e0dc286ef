"""Reference masks as templates: posed on images by cross-correlation.

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

from napari_localdisc.core.imaging.morphology import dilate, erode
from napari_localdisc.core.imaging.scaling import scale_about_centre

_SCALES = (0.9, 1.0, 1.1)
EVEN = tuple((scale, scale) for scale in _SCALES)
"""Heights and widths of templates that keep the references' proportions."""
STRETCHED = tuple(product(_SCALES, _SCALES))
"""Heights and widths of templates of other builds than the references'."""
_VISIBLE = 0.9
_ROOM = 0.1
"""Room for shifts beyond where the next reference may be expected, relative to the side."""
_BATCH = 8
_BORDER = 3
"""Width of a ring in widths of the band along a border."""
_ENCLOSED = 0.9
"""Share of a target within another's outline from which the other encloses it."""


class Templates:
    """References at several scales, with rings around them, and their spectra.

    Parameters
    ----------
    references : Tensor, shape (N, K, S, S)
        Binary masks at the resolution of the search.
    scales : sequence of (float, float)
        Heights and widths relative to the references'; (1, 1) is one of them.
    by_border : bool
        Whether only what lies along a border, inside and outside, tells a pose, rather than the
        whole shape and all that is around it.
    """

    def __init__(
        self,
        references: Tensor,
        scales: Sequence[tuple[float, float]] = EVEN,
        *,
        by_border: bool = False,
    ) -> None:
        self.targets, self.size, self.scales = references.shape[1], references.shape[-1], scales
        every = references.float()
        factors = torch.tensor(scales, device=every.device).expand(len(every), -1, -1)
        self.masks = torch.cat([scale_about_centre(every, one) for one in factors.unbind(1)])
        present = self.masks.sum(dim=(2, 3)).clamp_min(1.0)
        radius = max(2, round(float((present.mean() / torch.pi).sqrt()) / 2))
        if by_border:
            radius = max(1, radius // _BORDER)
        solid = self.masks.round()
        self.rings = dilate(solid, radius) * (1 - _left_out(solid))
        inside = solid - erode(solid, radius) if by_border else self.masks
        self.share = float(present.mean() / self.size**2)
        self.spectra = self._spectrum(_contrast(inside, self.rings))
        whole = self.masks.amax(dim=1)
        self.whole = self._spectrum(whole)
        self.areas = whole.sum(dim=(1, 2)).clamp_min(1.0)
        self.allowed = self._allowed(references.float())

    def _spectrum(self, x: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.rfft2(x, s=(2 * self.size, 2 * self.size))
        return spectrum

    def _allowed(self, references: Tensor) -> Tensor:
        """Shifts that keep to where the next reference may be expected, with some room.

        That is a prediction interval of 99 % around their places; of one alone nothing is known.
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
        factor = float(stdtrit(count - 1, 0.995)) * (1 + 1 / count) ** 0.5
        reach = [factor * place.std() + _ROOM for place in (rows, columns)]
        allowed: Tensor = (shift <= reach[0])[:, None] & (shift <= reach[1])[None, :]
        return allowed

    def valid_shifts(self, fields: Tensor) -> list[Tensor]:
        """Per batch of templates, which shifts keep them in sight: bool (n, T, 2 S, 2 S)."""
        field = self._spectrum(fields.float())
        found = []
        for first in range(0, len(self.masks), _BATCH):
            part = slice(first, first + _BATCH)
            inside = torch.fft.irfft2(field[:, None] * self.whole[part].conj()[None])
            visible = inside / self.areas[part][None, :, None, None] >= _VISIBLE
            found.append(visible & self.allowed)
        return found

    def best_match(self, evidence: Tensor, valid_shifts: list[Tensor]) -> Tensor:
        """Most likely template and shift per image.

        Parameters
        ----------
        evidence : Tensor, shape (n, K, S, S)
            High inside a target, low around it; zero where nothing is known.
        valid_shifts : list of Tensor
            From `valid_shifts`.

        Returns
        -------
        Tensor of int64, shape (n, 3)
            Template, row shift and column shift.
        """
        seen = self._spectrum(evidence)
        score = torch.full((len(evidence),), -torch.inf, device=evidence.device)
        choice = torch.zeros(len(evidence), 3, dtype=torch.int64, device=evidence.device)
        for batch, allowed in enumerate(valid_shifts):
            first = batch * _BATCH
            spectra = self.spectra[first : first + _BATCH].conj()
            likely = torch.fft.irfft2(torch.einsum("nkij,tkij->ntij", seen, spectra))
            value, place = likely.masked_fill(~allowed, -torch.inf).flatten(1).max(dim=1)
            better = value > score
            score = torch.where(better, value, score)
            choice[better] = self._decode(place, first)[better]
        return choice

    def in_place(self, count: int) -> Tensor:
        """Choose the references in turn for `count` images, unscaled and where they are."""
        each = len(self.masks) // len(self.scales)
        template = self.scales.index((1.0, 1.0)) * each + torch.arange(count) % each
        return F.pad(template[:, None], (0, 2))

    def _decode(self, place: Tensor, first: int) -> Tensor:
        side = 2 * self.size
        template, rest = place // side**2 + first, place % side**2
        shifts = torch.stack([rest // side, rest % side], dim=1)
        shifts = torch.where(shifts >= self.size, shifts - side, shifts)
        return torch.cat([template[:, None], shifts], dim=1)

    def pose(self, choice: Tensor) -> tuple[Tensor, Tensor]:
        """Masks and rings (n, K, S, S), bool, of chosen templates at chosen shifts."""
        posed = []
        for source in (self.masks, self.rings):
            padded = F.pad(source.round(), (self.size,) * 4)
            rows = [
                padded[t, :, self.size - r : 2 * self.size - r, self.size - c : 2 * self.size - c]
                for t, r, c in choice.tolist()
            ]
            posed.append(torch.stack(rows) > 0.5)
        return posed[0], posed[1]


def _left_out(masks: Tensor) -> Tensor:
    """Where rings must not lie, as masks (N, K, S, S): on their target, nor on another.

    What encloses a target, as the rim does the cup, is what it has to be told from, and belongs to
    its ring.
    """
    solid = masks.bool().cpu().numpy()
    filled = np.stack([[binary_fill_holes(plane) for plane in planes] for planes in solid])
    left_out = masks.clone()
    for target, other in permutations(range(masks.shape[1]), 2):
        hidden = (solid[:, target] & filled[:, other]).sum()
        if hidden < _ENCLOSED * solid[:, target].sum():
            left_out[:, target] = torch.maximum(left_out[:, target], masks[:, other])
    return left_out


def _contrast(masks: Tensor, rings: Tensor) -> Tensor:
    """Weights (N, K, S, S) that sum evidence of unit variance to a t-statistic."""
    inside = masks.sum(dim=(2, 3), keepdim=True).clamp_min(1.0)
    around = rings.sum(dim=(2, 3), keepdim=True).clamp_min(1.0)
    return (masks / inside - rings / around) / (1 / inside + 1 / around).sqrt()
