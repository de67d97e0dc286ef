from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from napari_localdisc.core.pretraining.pseudo_labels.mixture import fit_mixture, kmeans, ward_merge
from tests.core.blobs import blobs


class TestFitMixture:
    def test_axes_are_principal_components_of_standardised_features(self):
        vectors, _ = blobs()
        mixture = fit_mixture(vectors, clusters=3, axes=4, seed=0)
        placed = (vectors - mixture.space.mean) @ mixture.space.axes.T
        values = np.sort(np.linalg.eigvalsh(np.corrcoef(vectors.T)))[::-1][:4]
        np.testing.assert_allclose(np.cov(placed.T, bias=True), np.diag(values), atol=1e-3)

    def test_the_variance_is_that_about_the_centres(self):
        vectors, kinds = blobs()
        mixture = fit_mixture(vectors, clusters=3, axes=4, seed=0)
        placed = mixture.space.place(vectors)
        within = np.mean([placed[kinds == kind].var(axis=0) for kind in range(3)])
        assert mixture.variance == pytest.approx(within, rel=0.05)

    def test_may_be_merged_of_small_clusters(self):
        vectors, _ = blobs()
        one, other = (fit_mixture(vectors, 3, 4, seed=0, small=small) for small in (0, 30))
        nearest = np.linalg.norm(one.centres[:, None] - other.centres, axis=2).min(axis=1)
        np.testing.assert_allclose(nearest, 0, atol=0.05)
        assert other.variance == pytest.approx(one.variance, rel=0.01)


class TestWardMerge:
    @pytest.fixture
    def uneven(self):
        """Draw 20000 vectors along a line, and 200 off it."""
        rng = np.random.default_rng(0)
        line = np.stack([rng.uniform(0, 20, 20000), rng.normal(0, 0.1, 20000)], axis=1)
        few = rng.normal((10, 6), 0.7, (200, 2))
        return np.concatenate([line, few]).astype(np.float32)

    def test_what_few_vectors_show_keeps_a_cluster_of_its_own(self, uneven):
        away = {}
        for name, fit in (("k-means", kmeans), ("merged", partial(ward_merge, small=200))):
            centres, _ = fit(uneven, clusters=4, seed=0)
            away[name] = np.linalg.norm(centres - (10, 6), axis=1).min()
        assert away["merged"] < 0.2
        assert away["k-means"] > 1

    def test_centres_are_means_and_squares_are_about_the_nearest(self, uneven):
        centres, away = ward_merge(uneven, clusters=4, small=200, seed=0)
        squares = ((uneven[:, None] - centres) ** 2).sum(axis=2)
        assert away == pytest.approx(squares.min(axis=1).sum(), rel=1e-4)
        off = np.linalg.norm(centres - (10, 6), axis=1).argmin()
        few = uneven[squares.argmin(axis=1) == off]
        np.testing.assert_allclose(centres[off], few.mean(axis=0), atol=0.1)

    def test_of_fewer_vectors_than_small_clusters(self):
        vectors = np.array([[0, 0], [0, 1], [9, 0], [9, 1]], dtype=np.float32)
        centres, away = ward_merge(vectors, clusters=2, small=50, seed=0)
        np.testing.assert_allclose(np.sort(centres, axis=0), [[0, 0.5], [9, 0.5]], atol=1e-6)
        assert away == pytest.approx(1)

    def test_there_are_as_many_as_asked_for_where_vectors_are_alike(self):
        vectors = np.repeat(np.array([[0, 0], [1, 0]], dtype=np.float32), 50, axis=0)
        centres, away = ward_merge(vectors, clusters=3, small=6, seed=0)
        assert centres.shape == (3, 2)
        assert away == pytest.approx(0)
