from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from napari_localdisc.core.pretraining.pseudo_labels.codebooks import (
    codebook_features,
    fit_codebooks,
)
from tests.conftest import tiny_encoder
from tests.core.blobs import blobs


class TestFitCodebooks:
    @pytest.fixture
    def features(self):
        """Eleven values of the decoder, of three kinds, and two of the pixel, of four."""
        vectors, kinds = blobs()
        levels = np.random.default_rng(3).integers(0, 2, (len(vectors), 2)).astype(np.float32)
        return np.concatenate([vectors, 500 + 7 * levels], axis=1), kinds, levels

    def test_each_book_divides_pixels_into_as_many_clusters(self, features):
        books = fit_codebooks(features[0], 2, (3, 12), seed=0)
        codes = books.read(books.space.place(features[0]))
        assert codes.shape == (2, len(features[0]))
        assert adjusted_rand_score(features[1], codes[0]) == 1
        every = features[1] * 4 + features[2] @ [2, 1]
        assert adjusted_rand_score(every, codes[1]) == 1

    def test_values_of_the_pixel_weigh_a_quarter_of_the_decoders(self, features):
        books = fit_codebooks(features[0], 2, (3,), seed=0)
        variance = books.space.place(features[0]).var(axis=0)
        assert len(variance) == 8 + 2
        assert variance[8:].sum() == pytest.approx(0.25 * variance[:8].sum(), rel=1e-4)
        assert variance[8] == pytest.approx(variance[9], rel=1e-4)

    def test_values_that_never_vary_tell_nothing(self, features):
        features[0][:, 11:] = 5
        books = fit_codebooks(features[0], 2, (3,), seed=0)
        codes = books.read(books.space.place(features[0]))[0]
        assert adjusted_rand_score(features[1], codes) == 1


def test_features_are_the_decoders_and_the_pixels_own():
    teacher = tiny_encoder(channels=3)
    inputs = torch.randn(1, teacher.card.preprocessing.inputs, 16, 16)
    seen = codebook_features(teacher, inputs)
    body = teacher.network.body
    assert torch.equal(seen[:, :4], body.decoded(body(inputs)))
    assert torch.equal(seen[:, 4:], inputs[:, :3])
