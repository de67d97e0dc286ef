"""Every metric of one mask against the truth, with units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.evaluation.metrics import dice, surface_distances
from napari_localdisc.core.measurements.structure import Scale

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MaskScore:
    """How well a mask fits the truth.

    Attributes
    ----------
    dice : float
        In [0, 1]; 1 if both masks are empty.
    boundary : float
        Average symmetric surface distance; infinite if one of the masks is empty.
    hd95 : float
        Hausdorff distance at the 95th percentile; infinite if one of the masks is empty.
    surface_dice : float
        Share of the two surfaces that lie within the tolerance of each other, in [0, 1].
    unit : str
        Of the distances.
    size, true_size : float
        Area of the two masks, or volume of stacks.
    size_unit : str
        Of areas or volumes.
    """

    dice: float
    boundary: float
    hd95: float
    surface_dice: float
    unit: str
    size: float
    true_size: float
    size_unit: str

    @property
    def difference(self) -> float:
        """Size less the true size."""
        return self.size - self.true_size


def score_masks(found: Mask, true: Mask, scale: Scale, tolerance: float) -> MaskScore:
    """Compare a mask with the true one.

    Parameters
    ----------
    found, true : ndarray of bool, shape (H, W) or (N, H, W)
    scale : Scale
        How large a pixel is.
    tolerance : float
        Of the surface Dice, in the scale's unit.

    Raises
    ------
    ValueError
        As of `surface_distances`.
    """
    apart = surface_distances(found, true, scale.spacing)
    size, true_size = (scale.size(int(np.count_nonzero(mask))) for mask in (found, true))
    return MaskScore(
        dice(found, true),
        apart.mean,
        apart.hd95,
        apart.surface_dice(tolerance),
        scale.unit,
        size,
        true_size,
        scale.size_unit,
    )
