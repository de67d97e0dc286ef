from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.clusters.cluster_statistics import ClusterStatistics


@pytest.fixture
def embedding():
    vectors = np.random.default_rng(0).normal(size=(5, 20, 30)).astype(np.float32)
    vectors[0] += 1
    return vectors / np.linalg.norm(vectors, axis=0)


@pytest.fixture
def labels():
    return np.random.default_rng(1).choice([0, 1, 2, 4], (20, 30)).astype(np.uint8)


def test_statistics_agree_with_their_definitions(labels, embedding):
    table = ClusterStatistics.of(labels, embedding, 4).table()
    assert table["label"] == [1, 2, 4]
    assert sum(table["area"]) == pytest.approx(1)
    for row, label in enumerate(table["label"]):
        vectors = embedding[:, labels == label].T
        assert table["size"][row] == len(vectors)
        assert table["area"][row] == pytest.approx(len(vectors) / (labels > 0).sum())
        mean = vectors.mean(axis=0)
        assert table["compactness"][row] == pytest.approx(np.linalg.norm(mean), abs=1e-5)
        cosines = (vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)]
        assert table["mean_similarity"][row] == pytest.approx(cosines.mean(), abs=1e-5)
    centres = np.stack([embedding[:, labels == label].mean(axis=1) for label in (1, 2, 4)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    cosine = centres @ centres.T - 2 * np.eye(3)
    assert table["nearest"] == [(1, 2, 4)[at] for at in cosine.argmax(axis=1)]
    np.testing.assert_allclose(table["nearest_similarity"], cosine.max(axis=1), atol=1e-5)


def test_images_add_up(labels, embedding):
    parts = [
        ClusterStatistics.of(labels[rows], embedding[:, rows], 4)
        for rows in (slice(0, 7), slice(7, None))
    ]
    whole, added = ClusterStatistics.of(labels, embedding, 4), parts[0] + parts[1]
    np.testing.assert_array_equal(added.counts, whole.counts)
    np.testing.assert_allclose(added.sums, whole.sums, atol=1e-4)


def test_merged_clusters_are_as_if_they_had_been_one(labels, embedding):
    lookup = np.array([0, 1, 1, 3, 4], np.uint8)
    merged = ClusterStatistics.of(labels, embedding, 4).grouped(lookup)
    expected = ClusterStatistics.of(lookup[labels], embedding, 4)
    np.testing.assert_array_equal(merged.counts, expected.counts)
    np.testing.assert_allclose(merged.sums, expected.sums, atol=1e-4)
    assert merged.present == [1, 4]


def test_a_single_cluster_is_nearest_to_none(embedding):
    table = ClusterStatistics.of(np.ones((20, 30), np.uint8), embedding, 3).table()
    assert (table["nearest"], table["nearest_similarity"]) == ([0], [0.0])


def test_a_single_pixel_is_quite_like_itself(embedding):
    labels = np.zeros((20, 30), np.uint8)
    labels[3, 3] = 2
    table = ClusterStatistics.of(labels, embedding, 2).table()
    assert table["mean_similarity"] == [1]
    assert table["compactness"] == pytest.approx([1])
