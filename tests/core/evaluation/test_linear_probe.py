from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from napari_localdisc.core.evaluation.linear_probe import (
    LinearProbe,
    PixelSample,
    best_threshold,
    fit_probe,
    sample_pixels,
)
from napari_localdisc.core.evaluation.metrics import dice

SHAPE = (24, 24)
FIELD = np.ones(SHAPE, bool)


def disc(row: int = 12, column: int = 12, radius: int = 6) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


def every_pixel(maps: np.ndarray, truth: np.ndarray, field: np.ndarray = FIELD) -> PixelSample:
    return sample_pixels(maps, truth, field, maps[0].size, np.random.default_rng(0))


def noisy_images(seed: int, count: int = 3, noise: float = 0.8):
    rng = np.random.default_rng(seed)
    truths = [disc(8 + 3 * n, 10 + 2 * n, 5 + n) for n in range(count)]
    maps = [
        np.stack([t + noise * rng.standard_normal(SHAPE), rng.standard_normal(SHAPE)])
        for t in truths
    ]
    return [m.astype(np.float32) for m in maps], truths


class TestSampling:
    def test_half_of_the_pixels_come_from_the_structure(self):
        maps = np.arange(2 * 576, dtype=np.float32).reshape(2, *SHAPE)
        truth = disc()
        sample = sample_pixels(maps, truth, FIELD, 100, np.random.default_rng(0))
        assert sample.truth.sum() == 50
        assert sample.weight[sample.truth].sum() == pytest.approx(truth.sum())
        assert sample.weight[~sample.truth].sum() == pytest.approx((~truth).sum())

    def test_vectors_and_truth_belong_to_the_same_pixel(self):
        maps = np.stack([np.arange(576.0).reshape(SHAPE), disc().astype(float)]).astype(np.float32)
        sample = sample_pixels(maps, disc(), FIELD, 60, np.random.default_rng(1))
        places = sample.vectors[:, 0].astype(int)
        assert len(set(places)) == 60
        np.testing.assert_array_equal(disc().ravel()[places], sample.truth)
        np.testing.assert_array_equal(sample.vectors[:, 1] > 0, sample.truth)

    def test_a_tiny_structure_is_taken_whole_and_the_rest_filled_up(self):
        truth = np.zeros(SHAPE, bool)
        truth[3, 4:7] = True
        sample = every_pixel(np.zeros((1, *SHAPE), np.float32), truth)
        assert (sample.truth.sum(), len(sample.truth)) == (3, 576)
        few = sample_pixels(np.zeros((1, *SHAPE)), truth, FIELD, 50, np.random.default_rng(0))
        assert (few.truth.sum(), len(few.truth)) == (3, 50)

    def test_only_the_field_of_view_is_sampled(self):
        field = np.zeros(SHAPE, bool)
        field[:, :5] = True
        places = np.arange(576, dtype=np.float32).reshape(1, *SHAPE)
        sample = every_pixel(places, disc(), field)
        assert sorted(sample.vectors[:, 0]) == sorted(places[0][field])


class TestThreshold:
    @pytest.mark.parametrize("seed", range(4))
    def test_no_cut_has_a_higher_mean_dice(self, seed: int):
        maps, truths = noisy_images(seed)
        sample = PixelSample.join([every_pixel(m, t) for m, t in zip(maps, truths, strict=True)])
        scores = sample.vectors[:, 0]

        def mean_dice(cut: float) -> float:
            return np.mean([dice(m[0] > cut, t) for m, t in zip(maps, truths, strict=True)])

        found = mean_dice(best_threshold(scores, sample))
        every = [mean_dice(cut) for cut in np.linspace(scores.min() - 1, scores.max(), 3000)]
        assert found == pytest.approx(max(every), abs=2e-3)
        assert found >= max(every) - 2e-3

    def test_worked_out_by_hand(self):
        scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float32)
        truth = np.array([False, True, False, True, True])
        ones, owner = np.ones(5), np.zeros(5, int)
        # cut below 0.2: 2 * 3 / (4 + 3) = 0.857; below 0.4: 2 * 2 / (2 + 3) = 0.8
        sample = PixelSample(scores[:, None], truth, ones, owner)
        assert 0.1 < best_threshold(scores, sample) < 0.2
        # the first false one stands for 5 pixels; the other false one for 4: 6 / (3 + 3 + 4) = 0.6
        heavy = PixelSample(scores[:, None], truth, np.array([5.0, 1, 4, 1, 1]), owner)
        assert 0.3 < best_threshold(scores, heavy) < 0.4

    def test_an_image_without_the_structure_wants_nothing_found(self):
        scores = np.array([0.0, 1, 0, 1], np.float32)
        truth, owner = np.array([False, True, False, False]), np.array([0, 0, 1, 1])
        sample = PixelSample(scores[:, None], truth, np.ones(4), owner)
        # found above 0.5: Dice 1 and 0; nothing found: Dice 0 and 1; all found: 2/3 and 0
        assert best_threshold(scores, sample) in (0.5, 1.0)


class TestFit:
    def test_a_separable_structure_is_found(self):
        rng = np.random.default_rng(0)
        maps, truths = noisy_images(0, noise=0.02)
        mixing = rng.standard_normal((4, 2)).astype(np.float32)
        mixed = [np.einsum("ed,dhw->ehw", mixing, m) for m in maps]
        samples = [sample_pixels(m, t, FIELD, 200, rng) for m, t in zip(mixed, truths, strict=True)]
        probe = fit_probe(PixelSample.join(samples[:2]))
        assert dice(probe.mask(mixed[2]), truths[2]) > 0.99

    def test_what_the_vectors_do_not_tell_is_not_found(self):
        rng = np.random.default_rng(1)
        maps = [rng.standard_normal((3, *SHAPE)).astype(np.float32) for _ in range(4)]
        truths = [disc(*rng.integers(6, 18, 2), 5) for _ in maps]
        samples = [every_pixel(m, t) for m, t in zip(maps, truths, strict=True)]
        probe = fit_probe(PixelSample.join(samples[:3]))
        share = truths[3].mean()
        # calling everything the structure is the best guess, and all that there is to gain
        assert dice(probe.mask(maps[3]), truths[3]) < 2 * share / (1 + share) + 0.05

    def test_the_same_as_another_optimiser_finds(self):
        maps, truths = noisy_images(2, 2)
        sample = PixelSample.join([every_pixel(m, t) for m, t in zip(maps, truths, strict=True)])
        probe = fit_probe(sample)
        standard = (sample.vectors - sample.vectors.mean(0)) / sample.vectors.std(0)
        sign = np.where(sample.truth, 1.0, -1.0)

        def penalised(w: np.ndarray) -> float:
            return np.logaddexp(0, -sign * (standard @ w[:2] + w[2])).sum() + 0.5 * w[:2] @ w[:2]

        best = minimize(penalised, np.zeros(3)).x
        np.testing.assert_allclose(
            probe.scores(sample.vectors), standard @ best[:2] + best[2], atol=0.02
        )

    def test_weights_stand_for_pixels(self):
        """A sample drawn half and half, weighted, leads to the fit of all pixels."""
        rng = np.random.default_rng(3)
        truth = np.zeros((128, 128), bool)
        truth[:32, :40] = True
        maps = np.stack([truth + rng.standard_normal(truth.shape)] * 2).astype(np.float32)
        maps[1] = rng.standard_normal(truth.shape)
        field = np.ones_like(truth)
        every = fit_probe(sample_pixels(maps, truth, field, maps[0].size, rng))
        some = fit_probe(sample_pixels(maps, truth, field, 3000, rng))
        np.testing.assert_allclose(some.direction, every.direction, atol=0.2)
        assert dice(some.mask(maps), truth) == pytest.approx(
            dice(every.mask(maps), truth), abs=0.02
        )

    def test_a_constant_component_does_no_harm(self):
        maps, truths = noisy_images(0, noise=0.02)
        flat = [np.concatenate([m, np.full((1, *SHAPE), 7, np.float32)]) for m in maps]
        probe = fit_probe(every_pixel(flat[0], truths[0]))
        assert dice(probe.mask(flat[1]), truths[1]) > 0.99

    @pytest.mark.parametrize("value", [True, False])
    def test_one_kind_of_pixels_is_refused(self, value: bool):
        sample = every_pixel(np.zeros((1, *SHAPE), np.float32), np.full(SHAPE, value))
        with pytest.raises(ValueError, match="inside and outside"):
            fit_probe(sample)


def test_mask_cuts_the_scores():
    maps = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    probe = LinearProbe(np.array([1, 0.5], np.float32), -4.0, threshold=0.0)
    # 0 + 2 - 4, 1 + 2.5 - 4, 2 + 3 - 4, 3 + 3.5 - 4
    np.testing.assert_array_equal(probe.mask(maps), [[False, False], [True, True]])
