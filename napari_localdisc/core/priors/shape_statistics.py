"""Shape statistics of reference masks: width, density, number and size of parts, holes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage
from skimage.measure import perimeter
from skimage.morphology import convex_hull_image

from napari_localdisc.core.priors import CANVAS
from napari_localdisc.core.priors.place import lie_anywhere
from napari_localdisc.core.priors.prior import Prior

Mask = npt.NDArray[np.bool_]
Sizes = npt.NDArray[np.int64]
_ELONGATED = 40.0
"""Extent of the largest part in widths from which a structure is a network of lines: bones and
rows of teeth have up to 15, trees of vessels above 100."""
_THIN = 20.0
"""Width on the canvas up to which files of old took a structure for a network of lines."""
_MANY = 5
"""Usual number of parts from which a structure may be scattered."""
_DENSE = 0.5
"""Share of its hull from which a structure with a hole is a ring, not a network."""
_RARE_AREA = 0.08
"""Share of all area that lies in parts small enough to be rare."""
_MOST_PARTS = 95
"""Percentile of the references' numbers of parts that is still usual."""
_HOLES = 0.01
"""Area of holes, relative to the mask's, from which a structure is not solid."""
_LEAST_PART_CURVILINEAR, _LEAST_PART_COMPACT = 0.5, 0.25
"""Least size of a part that is kept, relative to the smallest plausible one."""
_NEIGHBOURS = np.ones((3, 3))
"""Pixels that touch by a corner belong to one part."""


class ShapeStatistics(BaseModel):
    """Shape statistics of one target, measured on its references.

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
    elongation : float, optional
        Extent of the largest part, in widths of it. Not known to files of old.
    scattered : bool
        Whether it has many parts that lie anywhere, as nuclei do.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    width: float
    area: float = Field(ge=0, le=1)
    density: float = Field(ge=0, le=1)
    parts: int = Field(ge=1)
    smallest: float = Field(ge=0)
    solid: bool
    elongation: float | None = Field(default=None, ge=0)
    scattered: bool = False

    @property
    def curvilinear(self) -> bool:
        """Whether the target is a network of lines, as vessels are, rather than compact."""
        if self.elongation is None:
            return self.width < _THIN
        return self.elongation >= _ELONGATED

    @property
    def local(self) -> bool:
        """Whether its texture describes it, and not a shape in one piece."""
        return self.curvilinear or self.scattered

    def pixels(self, part: float, size: int) -> int:
        """Width in pixels of a part of its width on a canvas of a side, at least one."""
        return max(1, round(self.width * size / CANVAS * part))

    @classmethod
    def of(cls, prior: Prior, target: int) -> ShapeStatistics:
        """Measure target number `target` on the references of a prior."""
        masks = [mask for mask in prior.masks[:, target] if mask.any()]
        filled = [ndimage.binary_fill_holes(mask) for mask in masks]
        holes = [whole.sum() / mask.sum() - 1 for whole, mask in zip(filled, masks, strict=True)]
        density = float(np.mean([_density(mask) for mask in masks]))
        sizes = [_part_sizes(mask) for mask in masks]
        counts = [len(one) for one in sizes]
        many = float(np.median(counts)) >= _MANY and len(masks) > 1
        return cls(
            width=CANVAS / masks[0].shape[0] * _width(filled if density >= _DENSE else masks),
            area=float(prior.masks[:, target].mean()),
            density=density,
            parts=max(1, round(float(np.percentile(counts, _MOST_PARTS)))),
            smallest=min(_rare_size(sizes), _thickness(masks) ** 2) / masks[0].size,
            solid=float(np.median(holes)) < _HOLES,
            elongation=float(np.median([_elongation(mask) for mask in masks])),
            scattered=many and lie_anywhere(np.stack(masks)),
        )

    def tidy(self, mask: Mask) -> Mask:
        """Remove parts that are too small or too many, and holes in solid shapes.

        Parameters
        ----------
        mask : ndarray of bool, shape (S, S)
            On a square canvas of any side.
        """
        parts, count = ndimage.label(mask, structure=_NEIGHBOURS)
        if count == 0:
            return mask
        sizes = np.bincount(parts.ravel())[1:]
        keep = self._plausible(sizes, mask.size)
        kept = np.concatenate([[False], keep])[parts]
        return np.asarray(ndimage.binary_fill_holes(kept) if self.solid else kept, dtype=bool)

    def _plausible(self, sizes: Sizes, canvas: int) -> Mask:
        """Which parts of these sizes in pixels are plausible on a canvas of so many pixels.

        Of a compact target the largest part is always kept.
        """
        smallest = self.smallest * canvas
        if self.curvilinear:
            return np.asarray(sizes >= smallest * _LEAST_PART_CURVILINEAR)
        by_size = np.argsort(-sizes, kind="stable")
        keep = np.zeros(len(sizes), dtype=bool)
        keep[by_size[: self.parts]] = True
        keep &= sizes >= smallest * _LEAST_PART_COMPACT
        keep[by_size[0]] = True
        return keep


def _rare_size(sizes: list[Sizes]) -> float:
    """Size in pixels of parts up to which they hold a small share of all area."""
    every = np.sort(np.concatenate(sizes))
    cumulated = np.cumsum(every) / every.sum()
    return float(every[np.searchsorted(cumulated, _RARE_AREA)])


def _thickness(masks: list[Mask]) -> float:
    """Median over masks of the largest width in pixels."""
    return 2 * float(np.median([ndimage.distance_transform_edt(mask).max() for mask in masks]))


def _width(masks: list[Mask]) -> float:
    return float(np.mean([2 * mask.sum() / max(perimeter(mask), 1.0) for mask in masks]))


def _elongation(mask: Mask) -> float:
    """Diagonal of the bounding box of the largest part, in widths of it."""
    parts, _ = ndimage.label(mask, structure=_NEIGHBOURS)
    largest = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    box = ndimage.find_objects(parts)[largest - 1]
    part = np.pad(parts[box] == largest, 1)
    return float(np.hypot(*part.shape)) / _width([part])


def _part_sizes(mask: Mask) -> Sizes:
    parts, _ = ndimage.label(mask, structure=_NEIGHBOURS)
    return np.asarray(np.bincount(parts.ravel())[1:])


def _density(mask: Mask) -> float:
    coarse = mask[::2, ::2]
    if not coarse.any():
        return 1.0
    return float(coarse.sum() / convex_hull_image(coarse).sum())
