from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.pretraining.pseudo_labels.kmeans_head import fit_kmeans_head
from napari_localdisc.core.pretraining.pseudo_labels.mixture import fit_mixture
from tests.core.blobs import blobs as three_kinds


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LocalDiscriminationNet(3, (4, 8), embedding_dim=6, clusters=3).eval()


@pytest.fixture
def blobs():
    return three_kinds()


def as_image(vectors):
    return torch.from_numpy(vectors.T.reshape(1, -1, 30, 30).copy())


class TestKmeansHead:
    def test_tells_kinds_of_pixels_apart(self, network, blobs):
        vectors, kinds = blobs
        fit_kmeans_head(network, vectors, seed=0)
        found = network.cluster(as_image(vectors)).argmax(dim=1).flatten()
        assert adjusted_rand_score(kinds, found) == 1

    def test_memberships_are_those_of_round_normal_distributions(self, network):
        vectors = np.random.default_rng(2).normal(3, 2, (900, 11)).astype(np.float32)
        fit_kmeans_head(network, vectors, seed=0)
        mixture = fit_mixture(vectors, clusters=3, axes=5, seed=0)
        placed = mixture.space.place(vectors)
        away = ((placed[:, None] - mixture.centres) ** 2).sum(axis=2)
        expected = np.exp(-away / (2 * mixture.variance))
        expected /= expected.sum(axis=1, keepdims=True)
        found = network.cluster(as_image(vectors))[0].flatten(1).T
        assert 0.4 < expected.max(axis=1).mean() < 0.98
        np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-4)

    def test_touches_the_clustering_branch_alone(self, network, blobs):
        before = copy.deepcopy(network.state_dict())
        fit_kmeans_head(network, blobs[0], seed=0)
        changed = {
            name for name, now in network.state_dict().items() if not torch.equal(now, before[name])
        }
        assert changed == {f"clustering.{n}.{w}" for n in (0, 2) for w in ("weight", "bias")}

    def test_features_that_never_vary_tell_nothing(self, network, blobs):
        vectors, kinds = blobs
        vectors[:, 4] = 7
        fit_kmeans_head(network, vectors, seed=0)
        vectors[:, 4] = -100
        found = network.cluster(as_image(vectors)).argmax(dim=1).flatten()
        assert adjusted_rand_score(kinds, found) == 1

    def test_by_the_decoder_what_else_is_seen_tells_nothing(self, network, blobs):
        vectors, kinds = blobs
        decoded = network.body.decoded(torch.arange(vectors.shape[1])[None, :, None, None])
        seen, columns = vectors[::-1].copy(), decoded.flatten().numpy()
        seen[:, columns] = vectors[:, columns]
        agreed = []
        for by_decoder in (True, False):
            fit_kmeans_head(network, seen, seed=0, by_decoder=by_decoder)
            found = network.cluster(as_image(seen)).argmax(dim=1).flatten()
            agreed.append(adjusted_rand_score(kinds, found))
        assert agreed[0] == 1
        assert agreed[1] < 0.5
