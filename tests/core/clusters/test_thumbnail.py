from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.clusters.thumbnail import SIDE, Thumbnail


@pytest.mark.parametrize("shape", [(200, 100), (31, 57), (10, 7), (1, 300)])
def test_shares_are_those_of_the_whole_image(shape):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, shape, dtype=np.uint8)
    found = Thumbnail.of(rng.integers(0, 255, shape, dtype=np.uint8), labels, 3)
    assert max(found.grey.shape) == min(SIDE, max(shape))
    np.testing.assert_allclose(found.fractions.sum(axis=0), 1, atol=1e-6)
    if all(side % small == 0 for side, small in zip(shape, found.grey.shape, strict=True)):
        expected = np.bincount(labels.ravel(), minlength=4) / labels.size
        np.testing.assert_allclose(found.fractions.mean(axis=(1, 2)), expected, atol=1e-6)


def test_a_tile_shows_its_clusters_in_their_colour():
    labels = np.repeat(np.array([0, 1, 2, 3], np.uint8), 14)[:, None].repeat(56, axis=1)
    thumbnail = Thumbnail.of(np.full((56, 56, 3), 255, np.uint8), labels, 3)
    tile = thumbnail.tile([1, 3], (200, 10, 0))
    assert tile.shape == (56, 56, 3)
    assert (tile[14:28] == (200, 10, 0)).all()
    assert (tile[42:] == (200, 10, 0)).all()
    ground = tile[28:42, 2:-2]
    assert (ground == ground[0, 0]).all()
    assert len(set(ground[0, 0].tolist())) == 1


def test_a_dark_cluster_is_seen_and_its_frame_has_its_colour():
    labels = np.zeros((56, 56), np.uint8)
    labels[20:30, 20:30] = 1
    thumbnail = Thumbnail.of(np.full((56, 56), 20, np.uint8), labels, 1)
    dark = (95, 47, 79)
    tile = thumbnail.tile([1], dark)
    for edge in (tile[0], tile[-1], tile[:, 0], tile[:, -1]):
        assert (edge == dark).all()
    assert int(tile[25, 25].min()) - int(tile[10, 10].max()) > 60
