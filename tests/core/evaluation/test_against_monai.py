"""Figures of masks against those of an independent implementation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from napari_localdisc.core.evaluation.mask_scores import score_masks
from napari_localdisc.core.measurements.structure import Scale

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    metrics = pytest.importorskip("monai.metrics")

SHAPES = {
    "plane": ((33, 41), [(1.0, 1.0), (0.4, 0.4), (0.25, 1.5)]),
    "stack": ((7, 21, 26), [(1.0, 1.0, 1.0), (5.0, 0.7, 0.7), (0.3, 1.0, 2.5)]),
}
CASES = [(shape, spacing) for shape, spacings in SHAPES.values() for spacing in spacings]
TOLERANCE = 1.3


def balls(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int) -> list[np.ndarray]:
    """Two masks of a few overlapping balls, some of them cut by the edge of the image."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), -1)
    masks = []
    for _ in range(2):
        mask = np.zeros(shape, bool)
        for _ in range(rng.integers(1, 4)):
            centre = rng.uniform(0, np.array(shape)) * spacing
            radius = rng.uniform(0.15, 0.35) * max(np.array(shape) * spacing)
            mask |= np.linalg.norm(places * spacing - centre, axis=-1) < radius
        masks.append(mask)
    return masks


def theirs(found: np.ndarray, true: np.ndarray, spacing: tuple[float, ...]) -> list[float]:
    pair = [torch.from_numpy(mask.astype(np.float32))[None, None] for mask in (found, true)]
    options = {"include_background": True, "spacing": list(spacing)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [
            metrics.compute_dice(*pair, include_background=True),
            metrics.compute_average_surface_distance(*pair, symmetric=True, **options),
            metrics.compute_hausdorff_distance(*pair, percentile=95, **options),
            metrics.compute_surface_dice(*pair, class_thresholds=[TOLERANCE], **options),
        ]
    return [float(value.squeeze()) for value in values]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_figures_agree(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int):
    found, true = balls(shape, spacing, seed)
    score = score_masks(found, true, Scale(spacing, "mm"), TOLERANCE)
    ours = [score.dice, score.boundary, score.hd95, score.surface_dice]
    np.testing.assert_allclose(ours, theirs(found, true, spacing), rtol=2e-5)
    pixel = np.prod(spacing) / (1 if len(shape) == 2 else 1000)
    assert score.difference == pytest.approx((found.sum() - true.sum()) * pixel)
    assert score.size_unit == ("mm²" if len(shape) == 2 else "ml")


@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_a_single_pixel_and_nothing(shape: tuple[int, ...], spacing: tuple[float, ...]):
    empty, dot, far = np.zeros((3, *shape), bool)
    middle = tuple(size // 2 for size in shape)
    dot[middle], far[(0, *middle[1:])] = True, True
    score = score_masks(dot, far, Scale(spacing, "mm"), TOLERANCE)
    assert score.hd95 == score.boundary == pytest.approx(middle[0] * spacing[0])
    np.testing.assert_allclose(score.hd95, theirs(dot, far, spacing)[2], rtol=1e-6)
    one = score_masks(empty, dot, Scale(spacing, "mm"), TOLERANCE)
    assert (one.dice, one.boundary, one.hd95, one.surface_dice) == (0, np.inf, np.inf, 0)
    both = score_masks(empty, empty, Scale(spacing, "mm"), TOLERANCE)
    assert (both.dice, both.boundary, both.hd95, both.surface_dice) == (1, 0, 0, 1)
