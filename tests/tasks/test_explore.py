from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.encoder.embedding_cache import EmbeddingCache
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.tasks.explore import Embedder, explore


@pytest.fixture
def encoder(encoder_file):
    return load_encoder(encoder_file)


@pytest.fixture
def embedder(encoder):
    return Embedder(encoder, torch.device("cpu"), EmbeddingCache())


@pytest.fixture
def looks(encoder):
    """One entry for every time that the network is run on an image."""
    seen = []
    encoder.network.body.down[0].register_forward_hook(lambda *_: seen.append(1))
    return seen


@pytest.fixture
def images():
    first, second = (xray_phantom(seed, 64).image for seed in range(2))
    return [first, second, second[:48]]


def found(images, embedder, *count_and_seed):
    return drain(
        explore(images, [f"image {i}" for i in range(len(images))], embedder, *count_and_seed)
    )


def test_the_own_clusters_are_those_of_the_clustering_branch(encoder, embedder, images):
    exploration = found(images, embedder)
    assert exploration.count == encoder.card.clusters
    for explored, image in zip(exploration.images, images, strict=True):
        expected = drain(cluster_map(image, encoder))
        np.testing.assert_array_equal(explored.labels, expected.labels)
        assert explored.picture.shape == (*image.shape, 3)
    assert exploration.cluster_statistics.counts.sum() == sum(image.size for image in images)


def test_any_number_of_clusters_the_same_in_all_images(embedder, images):
    exploration = found(images, embedder, 5)
    assert exploration.count == 5
    assert exploration.cluster_statistics.present == [1, 2, 3, 4, 5]
    # Cut off below, the second image is embedded differently, but most of it the same way.
    whole, cut = exploration.images[1].labels[:32], exploration.images[2].labels[:32]
    assert (whole == cut).mean() > 0.5


def test_the_same_seed_finds_the_same_clusters(embedder, images):
    one, two = (found(images, embedder, 5) for _ in range(2))
    for first, second in zip(one.images, two.images, strict=True):
        np.testing.assert_array_equal(first.labels, second.labels)


def test_another_number_of_clusters_does_not_embed_again(embedder, images, looks):
    found(images, embedder)
    before = len(looks)
    found(images, embedder, 4)
    assert len(looks) == before


def test_more_images_than_fit_the_cache(encoder, embedder, images):
    little = Embedder(encoder, torch.device("cpu"), EmbeddingCache(budget=1))
    some, expected = found(images, little, 4), found(images, embedder, 4)
    for one, other in zip(some.images, expected.images, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
    assert little.cache.get(some.images[0].key) is None


def test_an_edited_image_is_embedded_anew(embedder, looks):
    pixels = xray_phantom(0, 64).image.copy()
    found([pixels], embedder)
    before = len(looks)
    pixels[:8] = 0
    found([pixels], embedder)
    assert len(looks) > before


def test_progress_goes_forward_over_all_images(embedder, images):
    done = []
    drain(
        explore(images, ["a", "b", "c"], embedder),
        lambda event: done.append(event.done / event.total) if event.stage == "embed" else None,
    )
    assert done == sorted(done)
    assert done[-1] == 1
    assert len(done) >= len(images)


def test_it_can_be_cancelled(embedder, images):
    run = explore(images, ["a", "b", "c"], embedder, 4)
    while next(run).stage != "embed":
        pass
    run.close()
    assert found(images, embedder, 4).count == 4


def test_too_many_clusters_for_too_few_pixels(embedder):
    with pytest.raises(LocaldiscError, match="fewer clusters"):
        found([np.zeros((2, 2), np.uint8)], embedder, 9)
