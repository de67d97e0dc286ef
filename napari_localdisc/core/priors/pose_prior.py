"""Pose prior: where a structure lies in the frame and how large it is, with what spread.

What the references vary in is free, what they agree on is known. Spreads are those of a prediction
from so few references: a Gaussian widened by the uncertainty of its mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from napari_localdisc.core.imaging.window import WHOLE, Window
from napari_localdisc.core.priors import Place
from napari_localdisc.core.priors.place import lie_anywhere

_ROOM = 0.05
"""Spread of places around a single drawing, relative to the side of the frame."""
_LEAST_SPREAD = 0.02
"""Least spread of places, relative to the side: references are drawn no more exactly."""
_SIZE_ROOM = 0.05
"""Added to the spread of the logarithm of sizes."""
_SINGLE_SIZE = 0.2
"""Spread of the logarithm of sizes around a single drawing."""
_MARGIN = 0.35
"""Margin of the window, in diameters of a disc of the structure's area."""
_WORTH = 0.9
"""Side up to which a window is worth it, relative to the frame."""


@dataclass(frozen=True)
class PosePrior:
    """Prior of the pose of a structure, all of its targets together.

    Attributes
    ----------
    centre : Tensor, shape (2,)
        Mean row and column of the centre of mass, in shares of the side.
    centre_spread : Tensor, shape (2,)
        Standard deviations.
    log_size, log_size_spread : float
        Mean and standard deviation of the logarithm of the size: the root of the share of the
        frame that is covered.
    free : bool
        Whether the structure lies anywhere; then `centre_spread` does not count.
    """

    centre: Tensor
    centre_spread: Tensor
    log_size: float
    log_size_spread: float
    free: bool

    @classmethod
    def of(cls, masks: Tensor, place: Place = "auto") -> PosePrior:
        """Measure on reference masks, shape (N, K, S, S)."""
        union = masks.float().amax(dim=1)
        centres, sizes, count = centroids(union), log_sizes(union), len(union)
        free = place == "free" or (
            place == "auto" and count > 1 and lie_anywhere(union.cpu().numpy())
        )
        if count == 1:
            spread = torch.full((2,), _ROOM, device=masks.device)
            return cls(centres[0], spread, float(sizes[0]), _SINGLE_SIZE, free)
        wider = (1 + 1 / count) ** 0.5
        spread = (centres.std(dim=0) * wider).clamp_min(_LEAST_SPREAD)
        size_spread = float(sizes.std()) * wider + _SIZE_ROOM
        return cls(centres.mean(dim=0), spread, float(sizes.mean()), size_spread, free)

    def window(self, masks: Tensor) -> Window:
        """Choose the window around the references (N, K, S, S) and where others may lie.

        The whole frame if they lie anywhere, or nearly fill it.
        """
        if self.free:
            return WHOLE
        union = masks.amax(dim=(0, 1)) > 0
        side = union.shape[-1]
        margin = _MARGIN * 2 * torch.tensor(self.log_size).exp() / torch.pi**0.5
        reach = (margin + self.centre_spread.cpu()).tolist()
        spans = []
        for axis, more in zip((1, 0), reach, strict=True):
            seen = union.any(dim=axis).nonzero()[:, 0] / side
            spans.append((float(seen[0]) - more, float(seen[-1]) + 1 / side + more))
        length = max(high - low for low, high in spans)
        if length > _WORTH:
            return WHOLE
        top, left = (min(max(0.0, (low + high - length) / 2), 1 - length) for low, high in spans)
        return Window(top=top, left=left, side=length)

    def within(self, window: Window) -> PosePrior:
        """Express in shares of a window."""
        corner = torch.tensor([window.top, window.left], device=self.centre.device)
        return replace(
            self,
            centre=(self.centre - corner) / window.side,
            centre_spread=self.centre_spread / window.side,
            log_size=self.log_size - float(torch.tensor(window.side).log()),
        )


def centroids(masks: Tensor) -> Tensor:
    """Centres of mass (N, 2) of masks (N, S, S): row and column in shares of the side."""
    side = masks.shape[-1]
    line = (torch.arange(side, device=masks.device) + 0.5) / side
    mass = masks.sum(dim=(1, 2)).clamp_min(1e-6)
    sums = [masks.sum(dim=axis) @ line for axis in (2, 1)]
    return torch.stack(sums, dim=1) / mass[:, None]


def log_sizes(masks: Tensor) -> Tensor:
    """Logarithms of the sizes (N,) of masks (N, S, S): roots of the shares that they cover."""
    return masks.mean(dim=(1, 2)).clamp_min(1e-6).log() / 2
