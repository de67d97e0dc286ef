"""Deciding: from class probabilities on the canvas to labels of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.core.imaging.canvas import Frame
from napari_localdisc.core.imaging.morphology import widened
from napari_localdisc.core.priors.shape_statistics import ShapeRules


def decide(
    shares: npt.NDArray[np.floating[Any]],
    thresholds: tuple[float, ...],
    rules: tuple[ShapeRules, ...],
) -> npt.NDArray[np.uint8]:
    """Turn probabilities into tidy labels.

    Parameters
    ----------
    shares : ndarray, shape (K + 1, S, S)
        Class probabilities, 0 the background; all zero outside the field of view.
    thresholds : tuple of float
        Per target.
    rules : tuple of ShapeRules
        Per target.

    Returns
    -------
    ndarray of uint8, shape (S, S)
    """
    ratios = shares[1:] / np.asarray(thresholds)[:, None, None]
    winner = ratios.argmax(axis=0)
    labels = np.zeros(shares.shape[1:], dtype=np.uint8)
    for target, rule in enumerate(rules):
        mask = rule.tidy((winner == target) & (ratios[target] > 1))
        labels[mask] = target + 1
    return labels


def lift_labels(labels: npt.NDArray[np.uint8], place: Frame, targets: int) -> npt.NDArray[np.uint8]:
    """Bring labels (S, S) from the canvas back to the image's size (H, W)."""
    return _strongest(place.lift(_planes(labels, targets)))


def lift_decided(
    labels: npt.NDArray[np.uint8],
    lifted: Tensor,
    place: Frame,
    thresholds: Sequence[float],
    rules: Sequence[ShapeRules],
) -> npt.NDArray[np.uint8]:
    """Bring decided labels to the image's size, and decide borders of slender targets there.

    Labels lose a slender target's outline on a canvas whose pixels are hardly narrower than it is.

    Parameters
    ----------
    labels : ndarray of uint8, shape (S, S)
        As `decide` made them.
    lifted : Tensor, shape (1, K + 1, H, W)
        Class probabilities at the image's size.
    place : Frame
    thresholds : sequence of float
        Per target.
    rules : sequence of ShapeRules
        Per target.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    planes = _planes(labels, len(rules)).to(lifted.device)
    shown = place.lift(planes)
    for target, (threshold, rule) in enumerate(zip(thresholds, rules, strict=True)):
        if rule.slender:
            near = place.lift(widened(planes[:, target : target + 1], 1))[:, 0] >= 0.5
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
    """Dice that a mask can be expected to have.

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
