"""Postprocessing: from class probabilities on the canvas to labels of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.core.imaging.canvas import Canvas
from napari_localdisc.core.imaging.morphology import dilate
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics


def postprocess(
    probabilities: npt.NDArray[np.floating[Any]],
    thresholds: tuple[float, ...],
    shape_statistics: tuple[ShapeStatistics, ...],
) -> npt.NDArray[np.uint8]:
    """Threshold class probabilities and tidy the masks by shape statistics.

    Larger targets are written first: what lies within another is not lost to its filled holes.

    Parameters
    ----------
    probabilities : ndarray, shape (K + 1, S, S)
        Class probabilities, 0 the background; all zero outside the field of view.
    thresholds : tuple of float
        Per target.
    shape_statistics : tuple of ShapeStatistics
        Per target.

    Returns
    -------
    ndarray of uint8, shape (S, S)
    """
    ratios = probabilities[1:] / np.asarray(thresholds)[:, None, None]
    winner = ratios.argmax(axis=0)
    labels = np.zeros(probabilities.shape[1:], dtype=np.uint8)
    for target in np.argsort([-one.area for one in shape_statistics], kind="stable"):
        mask = shape_statistics[target].tidy((winner == target) & (ratios[target] > 1))
        labels[mask] = target + 1
    return labels


def labels_from_canvas(
    labels: npt.NDArray[np.uint8], canvas: Canvas, targets: int
) -> npt.NDArray[np.uint8]:
    """Resample labels (S, S) from the canvas to the image's size (H, W)."""
    return _strongest(canvas.from_canvas(_planes(labels, targets)))


def postprocess_at_full_size(
    labels: npt.NDArray[np.uint8],
    lifted: Tensor,
    canvas: Canvas,
    thresholds: Sequence[float],
    shape_statistics: Sequence[ShapeStatistics],
) -> npt.NDArray[np.uint8]:
    """Resample labels to the image's size, and threshold borders of curvilinear targets there.

    Labels lose a curvilinear target's outline on a canvas whose pixels are hardly narrower than it
    is.

    Parameters
    ----------
    labels : ndarray of uint8, shape (S, S)
        As `postprocess` made them.
    lifted : Tensor, shape (1, K + 1, H, W)
        Class probabilities at the image's size.
    canvas : Canvas
    thresholds : sequence of float
        Per target.
    shape_statistics : sequence of ShapeStatistics
        Per target.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    planes = _planes(labels, len(shape_statistics)).to(lifted.device)
    shown = canvas.from_canvas(planes)
    for target, (threshold, statistics) in enumerate(
        zip(thresholds, shape_statistics, strict=True)
    ):
        if statistics.curvilinear:
            near = canvas.from_canvas(dilate(planes[:, target : target + 1], 1))[:, 0] >= 0.5
            # One half where the probability is at its threshold, as of the other planes.
            shown[:, target] = near * lifted[:, target + 1] / (2 * threshold)
    return _strongest(shown)


def _planes(labels: npt.NDArray[np.uint8], targets: int) -> Tensor:
    """One mask per target, float of shape (1, K, S, S)."""
    return torch.stack([torch.from_numpy(labels == k + 1).float() for k in range(targets)])[None]


def _strongest(planes: Tensor) -> npt.NDArray[np.uint8]:
    """Label of the strongest of planes (1, K, H, W), where that is one half or more."""
    best = planes[0, 0]
    found = (best >= 0.5).byte()
    for label, plane in enumerate(planes[0, 1:], start=2):
        found[(plane > best) & (plane >= 0.5)] = label
        best = torch.maximum(best, plane)
    labels: npt.NDArray[np.uint8] = found.cpu().numpy()
    return labels


def expected_dice(likely: npt.NDArray[np.floating[Any]], found: npt.NDArray[np.bool_]) -> float:
    """Compute the expected Dice of a mask under the probabilities.

    Parameters
    ----------
    likely : ndarray, shape (H, W)
        Probability of being foreground.
    found : ndarray of bool, shape (H, W)

    Returns
    -------
    float
        In [0, 1]; 0 where nothing was found.
    """
    if not found.any():
        return 0.0
    return float(2 * likely[found].sum() / (likely.sum() + found.sum()))
