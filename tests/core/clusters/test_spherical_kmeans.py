from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.clusters.spherical_kmeans import (
    assign_to_centres,
    fit_spherical_kmeans,
    sample_pixels,
)


@pytest.fixture
def embedding():
    """Three directions, in stripes of 5, 10 and 15 rows."""
    rng = np.random.default_rng(0)
    vectors = np.zeros((4, 30, 20), np.float32)
    for axis, rows in enumerate((slice(0, 5), slice(5, 15), slice(15, 30))):
        vectors[axis, rows] = 1
    vectors += rng.normal(scale=0.05, size=vectors.shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=0)


def test_clusters_are_found_the_largest_first(embedding):
    centres = fit_spherical_kmeans(embedding.reshape(4, -1).T, 3, seed=0)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)
    assert centres.argmax(axis=1).tolist() == [2, 1, 0]
    field = np.ones((30, 20), bool)
    field[:, :2] = False
    labels = assign_to_centres(embedding, centres, field)
    assert np.unique(labels[:5, 2:]).tolist() == [3]
    assert np.unique(labels[15:, 2:]).tolist() == [1]
    assert not labels[:, :2].any()


def test_pixels_go_to_the_most_alike_centre_in_images_of_many_rows():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(4, 150, 9)).astype(np.float32)
    centres = rng.normal(size=(7, 4)).astype(np.float32)
    expected = np.einsum("kd,dhw->khw", centres, vectors).argmax(axis=0) + 1
    found = assign_to_centres(vectors, centres, np.ones((150, 9), bool))
    np.testing.assert_array_equal(found, expected)


def test_the_same_seed_finds_the_same(embedding):
    vectors = embedding.reshape(4, -1).T
    one, two = (fit_spherical_kmeans(vectors, 3, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_more_clusters_than_pixels_are_refused():
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 1, 1]]
    with pytest.raises(LocaldiscError, match="fewer clusters"):
        fit_spherical_kmeans(vectors, 3, seed=0)


def test_pixels_are_drawn_inside_the_field_without_repeats():
    field = np.zeros((10, 10), bool)
    field[3:6] = True
    drawn = sample_pixels(field, 12, np.random.default_rng(0))
    assert len(set(drawn.tolist())) == 12
    assert field.reshape(-1)[drawn].all()
    assert len(sample_pixels(field, 500, np.random.default_rng(0))) == 30
