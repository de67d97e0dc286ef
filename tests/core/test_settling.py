from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from napari_localdisc.core.image_pool import fill_pool
from napari_localdisc.core.learner import Learner
from napari_localdisc.core.network import LocalDiscriminationNet
from napari_localdisc.core.normalised_pool import NormalisedPool
from napari_localdisc.core.phantoms import fundus_phantom
from napari_localdisc.core.pretrain_config import PretrainConfig
from napari_localdisc.core.progress import drain
from napari_localdisc.core.settling import FeatureDraw, fit_mixture, settle
from tests.conftest import tiny_encoder


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LocalDiscriminationNet(3, (4, 8), embedding_dim=6, clusters=3).eval()


@pytest.fixture
def blobs():
    """Vectors of three kinds, and which is which."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, 900)
    centres = rng.normal(0, 40, (3, 11))
    vectors = centres[kinds] + rng.normal(0, 1, (900, 11)) * np.linspace(0.5, 2, 11)
    return vectors.astype(np.float32), kinds


def as_image(vectors):
    return torch.from_numpy(vectors.T.reshape(1, -1, 30, 30).copy())


class TestSettle:
    def test_tells_kinds_of_pixels_apart(self, network, blobs):
        vectors, kinds = blobs
        settle(network, vectors, seed=0)
        found = network.cluster(as_image(vectors)).argmax(dim=1).flatten()
        assert adjusted_rand_score(kinds, found) == 1

    def test_memberships_are_those_of_round_normal_distributions(self, network):
        vectors = np.random.default_rng(2).normal(3, 2, (900, 11)).astype(np.float32)
        settle(network, vectors, seed=0)
        mixture = fit_mixture(vectors, clusters=3, axes=5, seed=0)
        placed = (vectors - mixture.mean) @ mixture.axes.T
        away = ((placed[:, None] - mixture.centres) ** 2).sum(axis=2)
        expected = np.exp(-away / (2 * mixture.variance))
        expected /= expected.sum(axis=1, keepdims=True)
        found = network.cluster(as_image(vectors))[0].flatten(1).T
        assert 0.4 < expected.max(axis=1).mean() < 0.98
        np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-4)

    def test_touches_the_clustering_branch_alone(self, network, blobs):
        before = copy.deepcopy(network.state_dict())
        settle(network, blobs[0], seed=0)
        changed = {
            name for name, now in network.state_dict().items() if not torch.equal(now, before[name])
        }
        assert changed == {f"clustering.{n}.{w}" for n in (0, 2) for w in ("weight", "bias")}

    def test_features_that_never_vary_tell_nothing(self, network, blobs):
        vectors, kinds = blobs
        vectors[:, 4] = 7
        settle(network, vectors, seed=0)
        vectors[:, 4] = -100
        found = network.cluster(as_image(vectors)).argmax(dim=1).flatten()
        assert adjusted_rand_score(kinds, found) == 1


class TestFitMixture:
    def test_axes_are_principal_components_of_standardised_features(self, blobs):
        vectors, _ = blobs
        mixture = fit_mixture(vectors, clusters=3, axes=4, seed=0)
        placed = (vectors - mixture.mean) @ mixture.axes.T
        values = np.sort(np.linalg.eigvalsh(np.corrcoef(vectors.T)))[::-1][:4]
        np.testing.assert_allclose(np.cov(placed.T, bias=True), np.diag(values), atol=1e-3)

    def test_the_variance_is_that_about_the_centres(self, blobs):
        vectors, kinds = blobs
        mixture = fit_mixture(vectors, clusters=3, axes=4, seed=0)
        placed = (vectors - mixture.mean) @ mixture.axes.T
        within = np.mean([placed[kinds == kind].var(axis=0) for kind in range(3)])
        assert mixture.variance == pytest.approx(within, rel=0.05)


class TestFeatureDraw:
    @pytest.fixture
    def draw(self):
        card = tiny_encoder(channels=3).card.model_copy(update={"field_of_view": True})
        images = [fundus_phantom(seed, 64).image for seed in range(3)]
        pool = drain(fill_pool(images, range(3), card))
        config = PretrainConfig(scales=(1.0, 0.5))
        return FeatureDraw(NormalisedPool(pool, card), card, config)

    def test_draws_the_same_pixels_of_each_image(self, draw):
        learner = Learner(draw.card.build(), torch.float32)
        drawn = [draw(learner, index) for index in range(len(draw))]
        again = [draw(learner, index) for index in range(len(draw))]
        assert len(draw) == 3
        for one, other in zip(drawn, again, strict=True):
            np.testing.assert_array_equal(one, other)
        assert learner.network.training

    def test_looks_at_each_scale_inside_the_field_of_view(self, draw):
        learner = Learner(draw.card.build(), torch.float32)
        counts = [len(draw(learner, index)) for index in range(2)]
        for index, count in enumerate(counts):
            side = draw.card.working_size // (index + 1)
            _, field = draw.pool.pool.take([index], torch.device("cpu"))
            inside = float(field.mean()) * side**2
            assert count == pytest.approx(min(1000, inside), rel=0.05)
            assert inside < 0.95 * side**2
