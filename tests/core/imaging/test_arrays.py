from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.imaging.arrays import as_image, field_of_view, with_channels


class TestAsImage:
    @pytest.mark.parametrize(
        "dtype",
        ["bool", "uint8", "int8", "uint16", "int16", "int32", "uint64", "float16", "f4", "f8"],
    )
    def test_every_type_becomes_float_in_unit_range(self, dtype):
        ramp = np.linspace(0, 1 if dtype == "bool" else 100, 30 * 20).reshape(30, 20)
        image = as_image(ramp.astype(dtype))
        assert image.dtype == np.float32
        assert image.shape == (30, 20, 1)
        assert image.min() >= 0
        assert image.max() <= 1

    def test_bytes_keep_their_level(self):
        image = as_image(np.full((4, 5, 3), 51, np.uint8))
        np.testing.assert_allclose(image, 0.2, rtol=1e-6)

    def test_other_types_are_stretched(self):
        ramp = np.linspace(1000, 3000, 10_000).reshape(100, 100).astype(np.uint16)
        image = as_image(ramp)
        assert image.min() == 0
        assert image.max() == 1
        assert np.median(image) == pytest.approx(0.5, abs=0.01)

    @pytest.mark.parametrize(
        ("shape", "channels"), [((6, 7), 1), ((6, 7, 1), 1), ((6, 7, 3), 3), ((6, 7, 4), 3)]
    )
    def test_shapes(self, shape, channels):
        assert as_image(np.zeros(shape, np.uint8)).shape == (6, 7, channels)

    @pytest.mark.parametrize("shape", [(), (5,), (5, 5, 2), (5, 5, 5, 3), (0, 5), (5, 0, 3)])
    def test_other_shapes_are_refused_by_name(self, shape):
        with pytest.raises(LocaldiscError, match=r"scan\.tif has shape"):
            as_image(np.zeros(shape), "scan.tif")

    def test_holes_are_filled_with_the_lowest_value(self):
        image = np.linspace(0, 1, 100).reshape(10, 10)
        image[2, 3], image[4, 5] = np.nan, np.inf
        seen = as_image(image)
        assert np.isfinite(seen).all()
        assert seen[2, 3] == seen[4, 5] == 0

    def test_nothing_finite_is_refused(self):
        with pytest.raises(LocaldiscError, match="no finite pixel"):
            as_image(np.full((4, 4), np.nan))

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_the_whole_range_of_the_type(self, dtype):
        largest = np.finfo(dtype).max
        image = np.repeat(np.array([[-largest, 0, largest]], dtype=dtype), 50, axis=0)
        np.testing.assert_allclose(as_image(image)[0, :, 0], [0, 0.5, 1])

    def test_a_constant_image_stays_finite(self):
        assert as_image(np.full((4, 4), 7.0)).max() == 0

    def test_a_pixel_far_beyond_the_others_is_clipped(self):
        image = np.zeros((64, 64))
        image[::2], image[0, 0] = 1e-300, 1e300
        stretched = as_image(image)
        assert (stretched[0, 0], stretched[1, 0]) == (1, 0)
        assert np.isfinite(stretched).all()

    def test_the_input_is_left_alone(self):
        image = np.arange(16.0).reshape(4, 4)
        as_image(image)
        np.testing.assert_array_equal(image, np.arange(16.0).reshape(4, 4))


class TestChannels:
    def test_grey_is_repeated_and_colour_weighted(self):
        grey = np.full((2, 3, 1), 0.4, np.float32)
        assert with_channels(grey, 3).shape == (2, 3, 3)
        np.testing.assert_allclose(with_channels(with_channels(grey, 3), 1), grey, rtol=1e-6)
        green = np.zeros((1, 1, 3), np.float32)
        green[..., 1] = 1
        assert with_channels(green, 1).item() == pytest.approx(0.587)
        assert with_channels(green, 3) is green


class TestFieldOfView:
    def test_finds_the_lit_disc_with_dark_spots_inside(self):
        rows, columns = np.mgrid[:80, :100]
        disc = (rows - 40) ** 2 + (columns - 50) ** 2 < 35**2
        image = np.where(disc, 0.5, 0.02).astype(np.float32)
        image[35:45, 45:55] = 0
        image[2:4, 2:4] = 1
        found = field_of_view(image[..., None])
        assert (found != disc).mean() < 0.005

    @pytest.mark.parametrize("level", [0.0, 0.7])
    def test_everything_where_no_border_stands_out(self, level):
        assert field_of_view(np.full((80, 80, 1), level, np.float32)).mean() > 0.99

    def test_a_small_lit_part_is_no_field(self):
        image = np.zeros((100, 100, 1), np.float32)
        image[:20, :20] = 1
        assert field_of_view(image).all()
