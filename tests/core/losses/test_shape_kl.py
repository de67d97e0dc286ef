from __future__ import annotations

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from napari_localdisc.core.losses.shape_kl import Moments, gaussian_kl, shape_descriptors
from napari_localdisc.core.priors import simulate


def words(seed: int, spread: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(4, 4, generator=generator)
    return spread * (mix @ torch.randn(4, 500, generator=generator)) + seed


def masks(name: str, count: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(simulate(name, count, seed, size=128).masks[:, 0]).float()


def described(shown: torch.Tensor) -> Moments:
    return Moments.of(shape_descriptors(shown).transpose(0, 1).flatten(1))


class TestGaussianKl:
    def test_against_torch(self):
        p, q = Moments.of(words(1)), Moments.of(words(2, 2.0))
        scale = q.covariance.diagonal().sqrt()
        ridge = 1e-3 * torch.eye(4, dtype=torch.float64)
        outer = scale[:, None] * scale
        wanted = kl_divergence(
            MultivariateNormal(p.mean / scale, p.covariance / outer + ridge),
            MultivariateNormal(q.mean / scale, q.covariance / outer + ridge),
        )
        torch.testing.assert_close(gaussian_kl(p, q), wanted)

    def test_batched(self):
        several = torch.stack([words(1), words(3)])
        q = Moments.of(words(2))
        single = [gaussian_kl(Moments.of(one), q) for one in several]
        torch.testing.assert_close(gaussian_kl(Moments.of(several), q), torch.stack(single))

    def test_zero_with_itself_and_positive_otherwise(self):
        p, q = Moments.of(words(1)), Moments.of(words(2))
        assert float(gaussian_kl(p, p)) == pytest.approx(0, abs=1e-9)
        assert float(gaussian_kl(p, q)) > 0

    def test_constant_words_do_not_blow_up(self):
        flat = words(1)
        flat[0] = 0
        assert torch.isfinite(gaussian_kl(Moments.of(words(1)), Moments.of(flat)))


class TestMoments:
    def test_against_torch(self):
        moments = Moments.of(words(1))
        torch.testing.assert_close(
            moments.covariance.float(), torch.cov(words(1), correction=0), rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(moments.mean.float(), words(1).mean(dim=1))

    def test_weights_leave_pixels_out(self):
        weight = torch.zeros(500)
        weight[:200] = 1
        part, whole = Moments.of(words(1), weight), Moments.of(words(1)[:, :200])
        torch.testing.assert_close(part.covariance, whole.covariance, rtol=1e-4, atol=1e-4)


class TestShapeDescriptors:
    def test_shape(self):
        assert shape_descriptors(torch.zeros(2, 64, 48)).shape == (2, 29, 32 * 24)

    def test_translation_by_two_shifts_words_by_one(self):
        mask = torch.zeros(1, 128, 128)
        mask[:, 48:64, 56:72] = 1
        here = shape_descriptors(mask)[:, :3].unflatten(2, (64, 64))
        there = shape_descriptors(mask.roll(2, 2))[:, :3].unflatten(2, (64, 64))
        torch.testing.assert_close(here.roll(1, 3), there, rtol=1e-5, atol=1e-6)

    def test_references_look_like_references_and_not_like_another_structure(self):
        vessels, discs = masks("vessels", 6, 0), masks("optic-disc", 6, 0)
        again = float(gaussian_kl(described(masks("vessels", 6, 1)), described(vessels)))
        blobs = float(gaussian_kl(described(discs), described(vessels)))
        lines = float(gaussian_kl(described(vessels), described(discs)))
        assert again < 0.5
        assert blobs > 10 * again
        assert lines > 10 * again
