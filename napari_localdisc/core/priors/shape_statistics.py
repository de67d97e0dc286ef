"""What the references say about shape in general: how many parts, how small, with holes or not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage
from skimage.measure import perimeter
from skimage.morphology import convex_hull_image

from napari_localdisc.core.priors import CANVAS
from napari_localdisc.core.priors.prior import Prior

Mask = npt.NDArray[np.bool_]
_CURVILINEAR = 20.0
"""Structures thinner than this on the canvas are treated as networks of lines."""
_DENSE = 0.5
"""Share of its hull from which a structure with a hole is a ring, not a network."""


class ShapeStatistics(BaseModel):
    """Plain facts about one target, measured on its references.

    Attributes
    ----------
    width : float
        Mean width in canvas pixels: twice the area over the perimeter; of a ring, with its
        hole filled.
    area : float
        Share of the canvas that it covers.
    density : float
        Share of its convex hull that it covers.
    parts : int
        Most connected parts that a reference has (95th percentile).
    smallest : float
        Share of the canvas below which a part is implausible.
    solid : bool
        No reference has a hole worth mentioning.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    width: float
    area: float = Field(ge=0, le=1)
    density: float = Field(ge=0, le=1)
    parts: int = Field(ge=1)
    smallest: float = Field(ge=0)
    solid: bool

    @property
    def curvilinear(self) -> bool:
        """Whether it is thin and spread, as vessels are, rather than compact."""
        return self.width < _CURVILINEAR

    def pixels(self, part: float, size: int) -> int:
        """Pixels that make up a part of its width on a canvas of a side, at least one."""
        return max(1, round(self.width * size / CANVAS * part))

    @classmethod
    def of(cls, prior: Prior, target: int) -> ShapeStatistics:
        """Measure target number `target` on the references of a prior."""
        masks = [mask for mask in prior.masks[:, target] if mask.any()]
        scale = CANVAS / masks[0].shape[0]
        sizes = [_part_sizes(mask) for mask in masks]
        thickest = float(np.median([ndimage.distance_transform_edt(m).max() for m in masks]))
        every = np.sort(np.concatenate(sizes))
        share = np.cumsum(every) / every.sum()
        rare = float(every[np.searchsorted(share, 0.08)])
        filled = [ndimage.binary_fill_holes(m) for m in masks]
        holes = [whole.sum() / m.sum() - 1 for whole, m in zip(filled, masks, strict=True)]
        density = float(np.mean([_density(m) for m in masks]))
        return cls(
            width=scale * _width(filled if density >= _DENSE else masks),
            area=float(prior.masks[:, target].mean()),
            density=density,
            parts=max(1, round(float(np.percentile([len(s) for s in sizes], 95)))),
            smallest=min(rare, (2 * thickest) ** 2) / masks[0].size,
            solid=float(np.median(holes)) < 0.01,
        )

    def tidy(self, mask: Mask) -> Mask:
        """Remove what no reference shows: parts too small or too many, holes in solid shapes.

        Parameters
        ----------
        mask : ndarray of bool, shape (S, S)
            On a square canvas of any side.
        """
        parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
        if count == 0:
            return mask
        sizes = np.bincount(parts.ravel())[1:]
        limit = self.smallest * mask.size * (0.5 if self.curvilinear else 0.25)
        keep = sizes >= limit
        if not self.curvilinear:
            keep &= np.argsort(np.argsort(-sizes, kind="stable"), kind="stable") < self.parts
        if not keep.any():
            keep[np.argmax(sizes)] = not self.curvilinear
        kept = np.concatenate([[False], keep])[parts]
        return np.asarray(ndimage.binary_fill_holes(kept) if self.solid else kept, dtype=bool)


def _width(masks: list[Mask]) -> float:
    return float(np.mean([2 * mask.sum() / max(perimeter(mask), 1.0) for mask in masks]))


def _part_sizes(mask: Mask) -> npt.NDArray[np.int64]:
    parts, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    return np.asarray(np.bincount(parts.ravel())[1:])


def _density(mask: Mask) -> float:
    coarse = mask[::2, ::2]
    if not coarse.any():
        return 1.0
    return float(coarse.sum() / convex_hull_image(coarse).sum())
