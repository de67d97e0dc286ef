from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.priors import simulate

SEEDS = range(4)


@pytest.mark.parametrize("paint", [xray_phantom, fundus_phantom])
class TestEveryPhantom:
    def test_bytes_of_the_asked_size(self, paint):
        phantom = paint(0, 96)
        assert phantom.image.dtype == np.uint8
        assert phantom.image.shape[:2] == (96, 96)
        assert np.ptp(phantom.image) > 150
        for mask in phantom.masks.values():
            assert mask.shape == (96, 96)
            assert mask.dtype == bool
            assert mask.any()

    def test_the_seed_decides(self, paint):
        first, again, other = paint(1, 96), paint(1, 96), paint(2, 96)
        np.testing.assert_array_equal(first.image, again.image)
        for name, mask in first.masks.items():
            np.testing.assert_array_equal(mask, again.masks[name])
            assert (mask != other.masks[name]).any()

    def test_too_small_is_refused(self, paint):
        with pytest.raises(ValueError, match="`size` to be at least 64, got 16"):
            paint(0, 16)


class TestXray:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_lungs_are_darker_than_what_is_around_them(self, seed):
        phantom = xray_phantom(seed, 192)
        lungs = phantom.masks["lungs"]
        around = binary_dilation(lungs, iterations=12) & ~binary_dilation(lungs, iterations=2)
        assert phantom.image[lungs].mean() < phantom.image[around].mean() - 20

    def test_lungs_are_not_to_be_had_by_a_threshold_alone(self):
        phantom = xray_phantom(0)
        lungs = phantom.masks["lungs"]
        dark = phantom.image < np.median(phantom.image[lungs])
        assert (dark & ~lungs).sum() > 0.1 * lungs.sum()

    def test_right_and_left_make_both(self):
        masks = xray_phantom(3).masks
        assert set(masks) == {"lungs", "right-lung", "left-lung"}
        np.testing.assert_array_equal(masks["right-lung"] | masks["left-lung"], masks["lungs"])
        assert not (masks["right-lung"] & masks["left-lung"]).any()

    def test_is_grey(self):
        assert xray_phantom(0, 96).image.ndim == 2

    @pytest.mark.parametrize("seed", SEEDS)
    def test_unpaired_with_the_prior_of_the_same_seed(self, seed):
        reference = simulate("lungs", count=1, seed=seed, size=128).masks[0, 0]
        assert (xray_phantom(seed, 128).masks["lungs"] != reference).mean() > 0.01


@pytest.fixture(scope="module", params=SEEDS)
def phantom(request):
    return fundus_phantom(request.param, 256)


class TestFundus:
    def test_masks(self, phantom):
        assert set(phantom.masks) == {"vessels", "optic-disc", "fovea", "field-of-view"}
        assert phantom.image.shape == (256, 256, 3)
        field = phantom.masks["field-of-view"]
        for name in ("vessels", "optic-disc", "fovea"):
            assert not (phantom.masks[name] & ~field).any()

    def test_vessels_are_darker_than_what_is_beside_them(self, phantom):
        green = phantom.image[..., 1].astype(float)
        vessels, field = phantom.masks["vessels"], phantom.masks["field-of-view"]
        inner = binary_erosion(field, iterations=6)
        beside = binary_dilation(vessels, iterations=4) & ~binary_dilation(vessels)
        retina = inner & ~binary_dilation(phantom.masks["optic-disc"], iterations=4)
        assert green[vessels & retina].mean() < 0.9 * green[beside & retina].mean()

    def test_disc_is_brighter_and_fovea_darker_than_around(self, phantom):
        green = phantom.image[..., 1].astype(float)
        free = ~binary_dilation(phantom.masks["vessels"], iterations=2)
        free &= phantom.masks["field-of-view"]
        for name, sign in (("optic-disc", 1), ("fovea", -1)):
            mask = phantom.masks[name]
            ring = binary_dilation(mask, iterations=20) & ~binary_dilation(mask, iterations=8)
            assert sign * (green[mask & free].mean() - green[ring & free].mean()) > 5

    def test_black_outside_of_the_field_and_red_inside(self, phantom):
        field = phantom.masks["field-of-view"]
        outside = ~binary_dilation(field, iterations=4)
        assert phantom.image[outside].mean() < 6
        red, green, blue = phantom.image[field].mean(axis=0)
        assert red > green > blue

    def test_vessels_are_not_those_of_the_prior(self):
        reference = simulate("vessels", count=1, seed=0, size=256).masks[0, 0]
        vessels = fundus_phantom(0, 256).masks["vessels"]
        overlap = 2 * (reference & vessels).sum() / (reference.sum() + vessels.sum())
        assert overlap < 0.5
