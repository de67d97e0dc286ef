from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.encoder.embedding_cache import EmbeddingCache
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.viewer.exploring.explore import Settings, embedding_of, explore
from napari_localdisc.viewer.layers import all_planes


@pytest.fixture
def planes():
    stack = np.stack([xray_phantom(seed, 64).image for seed in range(2)])
    return [*all_planes(Image(stack, name="a")), *all_planes(Image(stack[1, :48], name="b"))]


def test_planes_get_the_clusters_of_their_own_pixels(planes, encoder_file):
    held, found = drain(explore(planes, Settings(str(encoder_file), "cpu")))
    encoder = load_encoder(encoder_file)
    assert held.card == encoder.card
    for explored, plane in zip(found.planes, planes, strict=True):
        assert explored.plane is plane
        expected = drain(cluster_map(plane.pixels(), encoder))
        np.testing.assert_array_equal(explored.labels, expected.labels)
    assert found.recipe["found_by"] == "the encoder"


def test_the_recipe_says_how_clusters_were_found(planes, encoder_file):
    _, found = drain(explore(planes, Settings(str(encoder_file), "cpu", 5, seed=3)))
    assert found.recipe["clusters"] == 5
    assert found.recipe["seed"] == 3
    assert found.recipe["found_by"] == "k-means"


def test_an_embedding_is_fetched_when_it_is_asked_for(planes, encoder_file):
    settings, cache = Settings(str(encoder_file), "cpu"), EmbeddingCache()
    _, found = drain(explore(planes, settings))
    first = found.planes[0]
    assert cache.get(first.key) is None
    seen = drain(embedding_of(first, settings, cache))
    assert cache.get(first.key) is seen
    expected = drain(cluster_map(first.plane.pixels(), load_encoder(encoder_file)))
    np.testing.assert_allclose(seen.embedding, expected.embedding, atol=1e-5)
