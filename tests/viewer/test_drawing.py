from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.viewer.drawing import (
    data_to_data,
    label_maps,
    reference_masks,
    shape_masks,
    shapes_layer,
)

SIZE = (40, 60)
SQUARE = np.array([[10, 20], [10, 40], [30, 40], [30, 20]], dtype=float)


@pytest.fixture
def image():
    return Image(np.zeros(SIZE), name="photo")


def disc(centre, radii, size=SIZE):
    y, x = np.indices(size)
    return ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 <= 1


def overlap(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


class TestShapeMasks:
    def test_same_grid(self, image):
        shapes = Shapes([SQUARE], shape_type="rectangle")
        ((index, mask),) = shape_masks(shapes, image)
        assert index == ()
        assert mask.shape == SIZE
        assert mask[11:30, 21:40].all()
        assert not mask[:10].any()
        assert not mask[:, 41:].any()

    def test_ellipse(self, image):
        shapes = Shapes([SQUARE], shape_type="ellipse")
        ((_, mask),) = shape_masks(shapes, image)
        assert overlap(mask, disc((20, 30), (10, 10))) > 0.97

    def test_layer_transforms_are_respected(self):
        image = Image(np.zeros(SIZE), scale=(0.5, 0.5), translate=(100, 200))
        shapes = Shapes([SQUARE / 10], shape_type="ellipse", scale=(5, 5), translate=(100, 200))
        ((_, mask),) = shape_masks(shapes, image)
        assert overlap(mask, disc((20, 30), (10, 10))) > 0.97

    def test_ellipse_under_shear_is_still_an_ellipse(self, image):
        shapes = Shapes([SQUARE], shape_type="ellipse", shear=[0.5])
        ((_, mask),) = shape_masks(shapes, image)
        y, x = np.indices(SIZE)
        world_y, world_x = y - 0.5 * x, x
        assert overlap(mask, (world_y - 20) ** 2 + (world_x - 30) ** 2 <= 100) > 0.97

    def test_other_units(self):
        image = Image(np.zeros(SIZE), units=("mm", "mm"))
        shapes = Shapes([SQUARE * 1000], shape_type="ellipse", units=("um", "um"))
        ((_, mask),) = shape_masks(shapes, image)
        assert overlap(mask, disc((20, 30), (10, 10))) > 0.97

    def test_path_is_as_wide_as_its_edge(self, image):
        shapes = Shapes([[[20, 10], [20, 50]]], shape_type="path", edge_width=5)
        ((_, mask),) = shape_masks(shapes, image)
        assert mask[:, 30].sum() == 5

    def test_outside_the_image(self, image):
        ((_, mask),) = shape_masks(Shapes([SQUARE + 500], shape_type="polygon"), image)
        assert not mask.any()

    def test_planes_of_a_stack(self):
        stack = Image(np.zeros((5, *SIZE)), scale=(3, 1, 1))
        corners = np.concatenate([np.full((4, 1), 4.0), SQUARE], axis=1)
        drawing = shapes_layer(stack, "drawing")
        drawing.add(corners, shape_type="polygon")
        ((index, mask),) = shape_masks(drawing, stack)
        assert index == (4,)
        assert mask.sum() == 21 * 21


class TestLabelMaps:
    def test_half_the_resolution(self):
        image = Image(np.zeros(SIZE))
        data = np.zeros((20, 30), dtype=np.uint8)
        data[5:15, 10:20] = 3
        labels = Labels(data, scale=(2, 2), translate=(0.5, 0.5))
        (sampled,) = label_maps(labels, image).values()
        expected = np.zeros(SIZE, dtype=np.uint8)
        expected[10:30, 20:40] = 3
        np.testing.assert_array_equal(sampled, expected)

    def test_empty_planes_are_left_out(self):
        image = Image(np.zeros((3, *SIZE)))
        data = np.zeros((3, *SIZE), dtype=int)
        data[1, 5, 5] = 1
        assert list(label_maps(Labels(data), image)) == [(1,)]


class TestReferenceMasks:
    def test_shapes_of_a_plane_are_one_mask(self, image):
        shapes = Shapes([SQUARE, SQUARE + np.array([0, 20])], shape_type="rectangle")
        masks, targets = reference_masks(shapes, image)
        assert targets == ("target",)
        assert [mask.shape for mask in masks] == [(1, *SIZE)]

    def test_shape_by_shape(self, image):
        shapes = Shapes([SQUARE, SQUARE + np.array([0, 20])], shape_type="rectangle")
        masks, _ = reference_masks(shapes, image, shape_by_shape=True)
        assert len(masks) == 2

    def test_labels_together_or_each_a_target(self, image):
        data = np.zeros(SIZE, dtype=int)
        data[5:10, 5:10], data[20:30, 20:30] = 2, 7
        (together,), targets = reference_masks(Labels(data), image)
        assert targets == ("target",)
        assert together.sum() == 125
        (apart,), targets = reference_masks(Labels(data), image, label_by_label=True)
        assert targets == ("label 2", "label 7")
        assert [plane.sum() for plane in apart] == [25, 100]

    @pytest.mark.parametrize(
        "layer", [Shapes(name="mine"), Labels(np.zeros(SIZE, int), name="mine")]
    )
    def test_nothing_drawn(self, image, layer):
        with pytest.raises(LocaldiscError, match=r"'mine'.*'photo'"):
            reference_masks(layer, image)


def test_a_drawing_layer_shares_the_coordinates_of_its_image():
    image = Image(
        np.zeros(SIZE),
        scale=(0.5, 2),
        rotate=30,
        shear=[0.3],
        translate=(4, 5),
        affine=[[1, 0.1, 3], [0, 1, 2], [0, 0, 1]],
        units=("mm", "mm"),
    )
    matrix, offset = data_to_data(shapes_layer(image, "drawing"), image)
    np.testing.assert_allclose(matrix, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(offset, 0, atol=1e-9)
