from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.imaging.superpixels import along_superpixels


@pytest.fixture
def image():
    """A bright disc, a little noise, and which pixels are the disc's."""
    rows, columns = np.mgrid[:64, :64] - 31.5
    disc = np.hypot(rows, columns) < 20
    noise = np.random.default_rng(0).normal(0, 0.02, disc.shape)
    return (disc + noise)[None].astype(np.float32), disc


class TestAlongSuperpixels:
    def test_nothing_is_carried_across_a_border_of_the_image(self, image):
        levels, disc = image
        found = along_superpixels(disc[None].astype(np.float32), levels, 7)[0]
        assert np.abs(found - disc).mean() < 0.01

    def test_what_the_image_does_not_show_is_averaged(self, image):
        noise = np.random.default_rng(1).normal(5, 1, (2, 64, 64)).astype(np.float32)
        found = along_superpixels(noise, image[0], 8)
        assert found.shape == noise.shape
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.mean(axis=(1, 2)), noise.mean(axis=(1, 2)), rtol=1e-5)
        # Of 64 pixels each, the means vary by an eighth of the deviation.
        assert found.std() == pytest.approx(1 / 8, rel=0.3)

    def test_the_side_decides_how_many_there_are(self, image):
        place = np.arange(64 * 64, dtype=np.float32).reshape(1, 64, 64)
        few, many = (len(np.unique(along_superpixels(place, image[0], n))) for n in (16, 8))
        assert 8 <= few <= 24 < 40 <= many <= 90

    def test_channels_are_looked_at_together(self, image):
        levels = np.concatenate([np.zeros_like(image[0]), image[0], np.zeros_like(image[0])])
        found = along_superpixels(image[1][None].astype(np.float32), levels, 7)[0]
        assert np.abs(found - image[1]).mean() < 0.01
