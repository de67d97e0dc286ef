"""Agreement of two methods that measure the same things, after Bland and Altman (Lancet 1986)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_NORMAL_95 = 1.96
"""Standard deviations on either side of the mean within which 95 % of a normal distribution lie."""


@dataclass(frozen=True)
class BlandAltman:
    """Agreement of paired measurements.

    Attributes
    ----------
    pairs : int
    bias : float
        Mean of the first less the second.
    deviation : float
        Standard deviation of the differences (n - 1); NaN of a single pair.
    lower, upper : float
        Limits of agreement: within them lie 95 % of the differences, if these are normal.
    correlation : float
        Pearson's r; NaN where either method always measures the same, or of a single pair.
    """

    pairs: int
    bias: float
    deviation: float
    lower: float
    upper: float
    correlation: float


def bland_altman(first: Sequence[float], second: Sequence[float]) -> BlandAltman:
    """Compare two methods by their measurements of the same things.

    Parameters
    ----------
    first, second : sequence of float
        In one unit, pair by pair.

    Raises
    ------
    ValueError
        If there are none, or not as many of both.

    Examples
    --------
    >>> bland_altman([10.0, 12.0, 17.0], [11.0, 11.0, 15.0]).bias
    0.6666666666666666
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or not one.size:
        raise ValueError(
            f"Expected arguments `first` and `second` to hold as many numbers, at least one, got"
            f" shapes {one.shape} and {other.shape}."
        )
    apart = one - other
    bias = float(apart.mean())
    deviation = float(apart.std(ddof=1)) if apart.size > 1 else float("nan")
    vary = apart.size > 1 and one.std() > 0 and other.std() > 0
    return BlandAltman(
        pairs=int(apart.size),
        bias=bias,
        deviation=deviation,
        lower=bias - _NORMAL_95 * deviation,
        upper=bias + _NORMAL_95 * deviation,
        correlation=float(np.corrcoef(one, other)[0, 1]) if vary else float("nan"),
    )
