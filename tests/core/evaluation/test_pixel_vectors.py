from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.feature import multiscale_basic_features

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.evaluation.pixel_vectors import (
    EMBEDDING,
    FEATURES,
    INPUT,
    MULTISCALE,
    NORMALISED,
    PIXELS,
    check_fits,
    encoder_source,
    plain_source,
)
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")


class TestEncoder:
    def test_the_same_as_cluster_maps_at_the_size_of_the_canvas(self):
        encoder, image = tiny_encoder(), xray_phantom(0, 64).image
        seen = encoder_source("tiny", encoder, 64, CPU).look(image)
        mapped = drain(cluster_map(image, encoder))
        np.testing.assert_allclose(seen.maps[EMBEDDING], mapped.embedding, atol=1e-5)
        np.testing.assert_array_equal(seen.clusters, mapped.memberships.argmax(axis=0))

    def test_shapes(self):
        source = encoder_source("tiny", tiny_encoder(), 96, CPU)
        seen = source.look(xray_phantom(0, 64).image)
        assert seen.maps[EMBEDDING].shape == (4, 96, 96)
        assert seen.maps[FEATURES].shape == (3 + 8, 96, 96)
        assert seen.maps[INPUT].shape == (3, 96, 96)
        assert set(seen.maps) == set(source.probed)
        assert source.clusters == 3

    def test_a_grey_encoder_sees_colour_images_as_grey_ones(self):
        source = encoder_source("tiny", tiny_encoder(1), 64, CPU)
        image = fundus_phantom(0, 64).image
        grey = image @ np.array([0.299, 0.587, 0.114]) / 255
        luminance = (grey * 255).round().astype(np.uint8)
        one, other = source.look(image), source.look(luminance)
        np.testing.assert_allclose(one.maps[INPUT], other.maps[INPUT], atol=0.15)

    def test_a_canvas_that_does_not_fit(self):
        card = tiny_encoder().card.model_copy(update={"widths": (4,) * 6})
        with pytest.raises(LocaldiscError, match=r"deep needs .* divisible by 32, got 72 px"):
            check_fits("deep", card, 72)

    def test_channels_that_do_not_fit(self):
        card = tiny_encoder().card.model_copy(update={"channels": 2})
        with pytest.raises(LocaldiscError, match="two was made for 2 channels"):
            check_fits("two", card, 64)


class TestPlain:
    def test_grey(self):
        image = xray_phantom(0, 64).image
        seen = plain_source(64, colour=False).look(image)
        np.testing.assert_allclose(seen.maps[PIXELS][0], image / 255, atol=1e-6)
        assert seen.maps[NORMALISED].mean() == pytest.approx(0, abs=1e-3)
        assert seen.maps[NORMALISED].std() == pytest.approx(1, abs=0.06)
        expected = multiscale_basic_features((image / 255).astype(np.float32))
        np.testing.assert_allclose(seen.maps[MULTISCALE], np.moveaxis(expected, -1, 0), atol=1e-5)
        assert seen.clusters is None

    def test_colour(self):
        seen = plain_source(64, colour=True).look(fundus_phantom(0, 96).image)
        assert seen.maps[PIXELS].shape == (3, 64, 64)
        assert len(seen.maps[MULTISCALE]) % 3 == 0
