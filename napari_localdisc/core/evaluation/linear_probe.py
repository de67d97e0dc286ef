"""Linear probes: logistic regression of a structure on single pixel vectors.

A logistic regression from pixel vectors to one structure, cut where the Dice on the images that it
learned from is highest. It is a measurement, never a part of guidance.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from napari_localdisc.core.evaluation.labelled_sets import Mask

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_CANDIDATES = 1000
"""Thresholds tried at most."""

_ITERATIONS = 200


@dataclass(frozen=True)
class PixelSample:
    """Pixels drawn from labelled images.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, D)
    truth : ndarray of bool, shape (n,)
        Whether the pixel lies in the structure.
    weight : ndarray of float64, shape (n,)
        Pixels of its image that each stands for.
    owner : ndarray of int, shape (n,)
        Number of its image.
    """

    vectors: Vectors
    truth: Mask
    weight: Floats
    owner: npt.NDArray[np.int64]

    @classmethod
    def join(cls, samples: Sequence[PixelSample]) -> PixelSample:
        """Put samples of several images together, numbering the images."""
        return cls(
            np.concatenate([sample.vectors for sample in samples]),
            np.concatenate([sample.truth for sample in samples]),
            np.concatenate([sample.weight for sample in samples]),
            np.repeat(np.arange(len(samples)), [len(sample.truth) for sample in samples]),
        )


def sample_pixels(
    maps: Vectors, truth: Mask, field: Mask, count: int, rng: np.random.Generator
) -> PixelSample:
    """Draw pixels of one image, half of them from the structure where it is large enough.

    Parameters
    ----------
    maps : ndarray of float32, shape (D, H, W)
        A vector for each pixel.
    truth, field : ndarray of bool, shape (H, W)
        The structure, and the pixels that count.
    count : int
        At most so many pixels.
    rng : numpy.random.Generator
    """
    inside, outside = np.flatnonzero(truth & field), np.flatnonzero(~truth & field)
    most = max(count // 2, count - len(outside))
    drawn = [_some(inside, most, rng)]
    drawn.append(_some(outside, count - len(drawn[0]), rng))
    shares = [
        np.full(len(few), len(every) / max(1, len(few)))
        for few, every in zip(drawn, (inside, outside), strict=True)
    ]
    places = np.concatenate(drawn)
    return PixelSample(
        np.ascontiguousarray(maps.reshape(len(maps), -1)[:, places].T, dtype=np.float32),
        truth.ravel()[places],
        np.concatenate(shares),
        np.zeros(len(places), np.int64),
    )


def _some(
    places: npt.NDArray[np.int64], most: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    return places if len(places) <= most else rng.choice(places, most, replace=False)


@dataclass(frozen=True)
class LinearProbe:
    """A logistic regression of pixel vectors with its threshold.

    Attributes
    ----------
    direction : ndarray of float32, shape (D,)
    offset : float
    threshold : float
        Score from which a pixel belongs to the structure.
    """

    direction: Vectors
    offset: float
    threshold: float = 0.0

    def scores(self, vectors: Vectors) -> Vectors:
        """Log odds (n,) of vectors (n, D)."""
        return np.asarray(vectors @ self.direction + self.offset, dtype=np.float32)

    def mask(self, maps: Vectors) -> Mask:
        """Mask (H, W) of vectors (D, H, W)."""
        scores = self.scores(maps.reshape(len(maps), -1).T)
        return np.asarray(scores > self.threshold).reshape(maps.shape[1:])


def fit_probe(sample: PixelSample) -> LinearProbe:
    """Fit a logistic regression, with the threshold of the highest mean Dice.

    Parameters
    ----------
    sample : PixelSample
        With pixels inside and outside the structure.

    Raises
    ------
    ValueError
        If all pixels are of one kind.
    """
    if sample.truth.all() or not sample.truth.any():
        raise ValueError("Expected argument `sample` to hold pixels inside and outside.")
    mean = np.average(sample.vectors, axis=0, weights=sample.weight)
    spread = np.sqrt(np.average((sample.vectors - mean) ** 2, axis=0, weights=sample.weight))
    scale = np.where(spread > 1e-6, spread, 1.0)
    model = LogisticRegression(max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        # Where the structure is separable the weights grow without end; the cut is found anyway.
        warnings.simplefilter("ignore", ConvergenceWarning)
        weight = sample.weight / sample.weight.mean()
        model.fit((sample.vectors - mean) / scale, sample.truth, sample_weight=weight)
    direction = model.coef_[0] / scale
    probe = LinearProbe(direction.astype(np.float32), float(model.intercept_[0] - mean @ direction))
    threshold = best_threshold(probe.scores(sample.vectors), sample)
    return LinearProbe(probe.direction, probe.offset, threshold)


def best_threshold(scores: Vectors, sample: PixelSample) -> float:
    """Find the threshold with the highest Dice, averaged over images.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Of the pixels of `sample`; those above the cut are predicted.
    sample : PixelSample
        Each pixel counts by its weight; where all pixels of the images are there, the Dice is
        exact.
    """
    values = np.unique(scores)
    if len(values) > _CANDIDATES:
        values = np.unique(np.quantile(scores, np.linspace(0, 1, _CANDIDATES)))
    # Between two scores, so that rounding moves no pixel across; below all of them comes first.
    cuts = np.concatenate([[values[0] - 1], (values[:-1] + values[1:]) / 2, [values[-1]]])
    dice = [_dice_at(cuts, scores, sample, owner) for owner in np.unique(sample.owner)]
    return float(cuts[np.mean(dice, axis=0).argmax()])


def _dice_at(cuts: Floats, scores: Vectors, sample: PixelSample, owner: int) -> Floats:
    """Dice of one image at every threshold, by cumulative sums over pixels in order of score."""
    own = np.flatnonzero(sample.owner == owner)
    own = own[scores[own].argsort(kind="stable")]
    weight, truth = sample.weight[own], sample.truth[own]
    below = scores[own].searchsorted(cuts, side="right")
    area = weight.sum() - np.concatenate([[0.0], weight.cumsum()])[below]
    hit = (weight * truth).sum() - np.concatenate([[0.0], (weight * truth).cumsum()])[below]
    total = area + (weight * truth).sum()
    # Rounding leaves crumbs in a sum that should be 0; half a pixel is nothing.
    return np.where(total < 0.5, 1.0, 2 * hit / np.maximum(total, 0.5))
