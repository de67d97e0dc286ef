from __future__ import annotations

import numpy as np

from napari_localdisc.core.clusters.similarity import nearest_places, similarity_map


def unit_vectors(shape, seed=0):
    vectors = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=0)


def test_similarity_is_the_cosine():
    embedding = unit_vectors((6, 9, 11))
    found = similarity_map(embedding, (3, 4))
    for row, column in ((3, 4), (0, 0), (8, 10)):
        expected = float(embedding[:, 3, 4] @ embedding[:, row, column])
        assert abs(found[row, column] - expected) < 1e-6
    assert found.shape == (9, 11)
    assert found.dtype == np.float32


def test_the_places_most_alike_come_best_first_and_apart():
    similarity = np.zeros((100, 100), np.float32)
    for value, (row, column) in zip((0.9, 0.8, 0.7), ((20, 20), (60, 20), (99, 99)), strict=True):
        similarity[row, column] = value
    similarity[21, 20] = 0.85  # right beside a better one
    similarity[50, 50] = 1  # the pixel itself
    field = np.ones_like(similarity, bool)
    assert nearest_places(similarity, (50, 50), field) == [(20, 20), (60, 20), (99, 99)]
    assert nearest_places(similarity, (50, 50), field, count=2) == [(20, 20), (60, 20)]
    field[:30] = False
    assert nearest_places(similarity, (50, 50), field) == [(60, 20), (99, 99)]
