from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.encoder.embedding_cache import EmbeddingCache
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.viewer.explore import Settings, embed_again, explore
from napari_localdisc.viewer.layers import all_planes
from napari_localdisc.viewer.session import EncoderChoice, HeldEncoder


@pytest.fixture
def held(encoder_file):
    return HeldEncoder("tiny", load_encoder(encoder_file))


@pytest.fixture
def looks(held):
    """One entry for every time that the network is run on an image."""
    seen = []
    held.encoder.network.body.down[0].register_forward_hook(lambda *_: seen.append(1))
    return seen


@pytest.fixture
def planes():
    stack = np.stack([xray_phantom(seed, 64).image for seed in range(2)])
    return [*all_planes(Image(stack, name="a")), *all_planes(Image(stack[1, :48], name="b"))]


def settings(held, count=None, **others):
    return Settings(EncoderChoice("tiny", held), "cpu", count, **others)


def test_the_own_clusters_are_those_of_the_clustering_branch(held, planes):
    by, found = drain(explore(planes, settings(held), EmbeddingCache()))
    assert by is held
    assert found.count == held.encoder.card.clusters
    for explored, plane in zip(found.planes, planes, strict=True):
        expected = drain(cluster_map(plane.pixels(), held.encoder))
        np.testing.assert_array_equal(explored.labels, expected.labels)
        assert explored.picture.shape == (*plane.shape, 3)
    assert found.cluster_statistics.counts.sum() == sum(np.prod(plane.shape) for plane in planes)
    assert found.recipe["found_by"] == "the encoder"


def test_any_number_of_clusters_the_same_in_all_images(held, planes):
    _, found = drain(explore(planes, settings(held, 5), EmbeddingCache()))
    assert found.count == 5
    assert found.cluster_statistics.present == [1, 2, 3, 4, 5]
    # Cut off below, the second image is embedded differently, but most of it the same way.
    whole, cut = found.planes[1].labels[:32], found.planes[2].labels[:32]
    assert (whole == cut).mean() > 0.5
    assert found.recipe["clusters"] == 5
    assert found.recipe["seed"] == 0


def test_the_same_seed_finds_the_same_clusters(held, planes):
    one, two = (drain(explore(planes, settings(held, 5), EmbeddingCache()))[1] for _ in range(2))
    for first, second in zip(one.planes, two.planes, strict=True):
        np.testing.assert_array_equal(first.labels, second.labels)


def test_another_number_of_clusters_does_not_embed_again(held, planes, looks):
    cache = EmbeddingCache()
    drain(explore(planes, settings(held), cache))
    before = len(looks)
    drain(explore(planes, settings(held, 4), cache))
    assert len(looks) == before


def test_more_images_than_fit_the_cache(held, planes, looks):
    little = EmbeddingCache(budget=1)
    _, found = drain(explore(planes, settings(held, 4), little))
    _, expected = drain(explore(planes, settings(held, 4), EmbeddingCache()))
    for one, other in zip(found.planes, expected.planes, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
    first = found.planes[0]
    assert little.get(first.key) is None
    seen = drain(embed_again(first, settings(held), little))
    assert little.get(first.key) is seen
    assert seen.embedding.shape[1:] == first.labels.shape


def test_an_edited_image_is_embedded_anew(held, looks):
    pixels = xray_phantom(0, 64).image.copy()
    planes, cache = all_planes(Image(pixels)), EmbeddingCache()
    drain(explore(planes, settings(held), cache))
    before = len(looks)
    pixels[:8] = 0
    drain(explore(planes, settings(held), cache))
    assert len(looks) > before


def test_progress_goes_forward_over_all_planes(held, planes):
    done = []
    drain(
        explore(planes, settings(held), EmbeddingCache()),
        lambda event: done.append(event.done / event.total) if event.stage == "embed" else None,
    )
    assert done == sorted(done)
    assert done[-1] == 1
    assert len(done) >= len(planes)


def test_it_can_be_cancelled(held, planes):
    cache = EmbeddingCache()
    run = explore(planes, settings(held, 4), cache)
    while next(run).stage != "embed":
        pass
    run.close()
    assert drain(explore(planes, settings(held, 4), cache))[1].count == 4


def test_too_many_clusters_for_too_few_pixels(held):
    planes = all_planes(Image(np.zeros((2, 2), np.uint8)))
    with pytest.raises(LocaldiscError, match="fewer clusters"):
        drain(explore(planes, settings(held, 9), EmbeddingCache()))
