from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.evaluation.labelled_sets import LabelledSet, labels_to_canvas
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom


class TestLaying:
    def test_a_square_mask_keeps_its_pixels(self):
        phantom = xray_phantom(0, 64)
        image = labels_to_canvas("a", phantom.image, phantom.masks["lungs"], 64)
        np.testing.assert_array_equal(image.truth, phantom.masks["lungs"])
        assert image.field.all()

    def test_a_wide_image_lies_in_the_middle(self):
        truth = np.ones((20, 40))
        image = labels_to_canvas("a", np.zeros((20, 40), np.uint8), truth, 40)
        rows = np.flatnonzero(image.field.any(axis=1))
        assert (rows[0], rows[-1]) == (10, 29)
        np.testing.assert_array_equal(image.truth, image.field)

    def test_halving_keeps_what_covers_most_of_a_pixel(self):
        truth = np.zeros((64, 64), bool)
        truth[16:32, 16:48] = True
        image = labels_to_canvas("a", np.zeros((64, 64), np.uint8), truth, 32)
        assert image.truth.sum() == 8 * 16

    def test_a_mask_may_be_finer_than_its_image(self):
        phantom = xray_phantom(1, 128)
        small = phantom.image[::2, ::2]
        one = labels_to_canvas("a", small, phantom.masks["lungs"], 64)
        other = labels_to_canvas("a", phantom.image, phantom.masks["lungs"], 64)
        np.testing.assert_array_equal(one.truth, other.truth)

    def test_the_dark_border_of_a_colour_image_does_not_count(self):
        phantom = fundus_phantom(0, 96)
        image = labels_to_canvas("a", phantom.image, np.ones((96, 96)), 96)
        assert not image.field[0, 0]
        assert image.field[48, 48]
        np.testing.assert_array_equal(image.truth, image.field)

    def test_a_given_field_of_view_is_taken(self):
        field = np.zeros((64, 64))
        field[:, 32:] = 255
        phantom = xray_phantom(0, 64)
        image = labels_to_canvas("a", phantom.image, phantom.masks["lungs"], 64, field)
        np.testing.assert_array_equal(image.field, field > 0)
        np.testing.assert_array_equal(image.truth, phantom.masks["lungs"] & (field > 0))


class TestDrawing:
    @pytest.fixture
    def labelled(self) -> LabelledSet:
        pixels, truth = np.zeros((32, 32), np.uint8), np.eye(32)
        images = tuple(labels_to_canvas(name, pixels, truth, 32) for name in "abcdefgh")
        return LabelledSet("letters", 32, "none", images, images)

    def test_a_small_draw_is_part_of_a_large_one(self, labelled):
        small, large = labelled.draw(2, 0), labelled.draw(5, 0)
        assert len({image.name for image in large}) == 5
        assert large[:2] == small

    def test_the_seed_decides(self, labelled):
        draws = {tuple(image.name for image in labelled.draw(3, seed)) for seed in range(6)}
        assert len(draws) > 3
        assert labelled.draw(3, 1) == labelled.draw(3, 1)

    def test_all_of_them(self, labelled):
        assert labelled.draw(None, 3) == labelled.train

    def test_more_than_there_are(self, labelled):
        with pytest.raises(LocaldiscError, match=r"set letters has 8 labelled images .*, 9 were"):
            labelled.draw(9, 0)
