from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.viewer.layers import (
    METADATA_KEY,
    all_planes,
    current_plane,
    in_view,
    labels_layer,
    picture_layer,
    recipe_of,
    unit_factors,
)

PLACED = {
    "scale": (0.5, 2.0),
    "translate": (7.0, -3.0),
    "rotate": 30,
    "shear": [0.4],
    "affine": [[1.1, 0.2, 5.0], [-0.1, 0.9, 2.0], [0, 0, 1]],
    "units": ("mm", "mm"),
}


def placed_stack(rng):
    return Image(
        rng.random((5, 12, 16)),
        scale=(3, 0.5, 2),
        translate=(10, 1, 2),
        rotate=(20, 10, 5),
        shear=[0.1, 0.2, 0.3],
        affine=np.array([[1, 0, 0.1, 4], [0.2, 1, 0, 5], [0, 0, 1.5, 6], [0, 0, 0, 1]]),
        units=("mm", "mm", "mm"),
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class TestCurrentPlane:
    def test_grey(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((12, 16)))
        plane = current_plane(image, viewer.dims)
        assert plane.index == ()
        assert plane.shape == (12, 16)
        np.testing.assert_array_equal(plane.pixels(), image.data)

    @pytest.mark.parametrize("channels", [3, 4])
    def test_colour_is_one_plane(self, rng, channels):
        viewer = ViewerModel()
        data = rng.integers(0, 255, (12, 16, channels), dtype=np.uint8)
        image = viewer.add_image(data, rgb=True)
        plane = current_plane(image, viewer.dims)
        assert plane.shape == (12, 16)
        np.testing.assert_array_equal(plane.pixels(), data)

    def test_stack_follows_the_slider(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((5, 12, 16)), scale=(3, 1, 1), translate=(30, 0, 0))
        viewer.dims.set_point(0, 30 + 3 * 4)
        plane = current_plane(image, viewer.dims)
        assert plane.index == (4,)
        assert plane.name == f"{image.name} [4]"
        np.testing.assert_array_equal(plane.pixels(), image.data[4])

    def test_stack_of_colour_images(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((2, 3, 12, 16, 3)), rgb=True)
        viewer.dims.set_point((0, 1), (1, 2))
        np.testing.assert_array_equal(current_plane(image, viewer.dims).pixels(), image.data[1, 2])

    def test_units_of_another_layer(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((3, 12, 16)), scale=(5, 2, 2), units=("mm",) * 3)
        viewer.add_image(rng.random((30, 12, 16)), scale=(500, 2, 2), units=("um",) * 3)
        viewer.dims.set_point(0, 5000)
        assert current_plane(image, viewer.dims).index == (1,)

    def test_multiscale_takes_the_finest_level(self, rng):
        viewer = ViewerModel()
        levels = [rng.random((64, 48)), rng.random((32, 24))]
        image = viewer.add_image(levels, multiscale=True)
        np.testing.assert_array_equal(current_plane(image, viewer.dims).pixels(), levels[0])

    def test_dask_is_read_late(self):
        viewer = ViewerModel()
        image = viewer.add_image(da.ones((4, 12, 16), chunks=(1, 12, 16)))
        plane = current_plane(image, viewer.dims)
        assert isinstance(plane.source, da.Array)
        assert isinstance(plane.pixels(), np.ndarray)

    def test_flat_image_among_stacks(self, rng):
        viewer = ViewerModel()
        viewer.add_image(rng.random((5, 12, 16)))
        flat = viewer.add_image(rng.random((12, 16)))
        assert current_plane(flat, viewer.dims).index == ()

    def test_3d_view_is_refused(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((5, 12, 16)), name="scan")
        viewer.dims.ndisplay = 3
        with pytest.raises(LocaldiscError, match=r"'scan'.*2-D view"):
            current_plane(image, viewer.dims)

    def test_rolled_axes_are_refused(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((5, 12, 16)))
        viewer.dims.order = (1, 0, 2)
        with pytest.raises(LocaldiscError, match="axes rolled"):
            current_plane(image, viewer.dims)

    def test_slider_beside_the_image_is_refused(self, rng):
        viewer = ViewerModel()
        viewer.add_image(rng.random((20, 12, 16)))
        short = viewer.add_image(rng.random((3, 12, 16)), name="short")
        viewer.dims.set_point(0, 15)
        with pytest.raises(LocaldiscError, match=r"'short'.*no plane"):
            current_plane(short, viewer.dims)


class TestInView:
    def test_only_the_plane_at_the_slider(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((3, 12, 16)))
        viewer.dims.set_point(0, 2)
        assert [in_view(plane, viewer.dims) for plane in all_planes(image)] == [False, False, True]

    def test_a_flat_image_always(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((12, 16)))
        assert in_view(all_planes(image)[0], viewer.dims)


class TestAllPlanes:
    def test_flat(self, rng):
        (plane,) = all_planes(Image(rng.random((12, 16))))
        assert plane.index == ()

    def test_stack(self, rng):
        image = Image(rng.random((2, 3, 12, 16)))
        planes = all_planes(image)
        assert [plane.index for plane in planes] == list(np.ndindex(2, 3))
        np.testing.assert_array_equal(planes[4].pixels(), image.data[1, 1])


def corners(layer, index, shape):
    height, width = shape
    return [layer.data_to_world((*index, y, x)) for y in (0, height - 1) for x in (0, width - 1)]


class TestResultsSitOnTheirImage:
    def test_flat_with_every_transform(self, rng):
        image = Image(rng.random((12, 16)), **PLACED)
        (plane,) = all_planes(image)
        result = labels_layer([plane], [np.eye(12, 16, dtype=np.uint8)], "mask", {"seed": 1})
        np.testing.assert_allclose(
            corners(result, (), (12, 16)), corners(image, (), (12, 16)), atol=1e-9
        )
        assert result.units == image.units
        assert result.name == "mask"
        assert recipe_of(result) == {"seed": 1}
        np.testing.assert_array_equal(result.data, np.eye(12, 16))

    def test_one_plane_of_a_placed_stack(self, rng):
        image = placed_stack(rng)
        plane = all_planes(image)[3]
        result = labels_layer([plane], [np.ones((12, 16), np.uint8)], "mask", {})
        assert result.data.shape == (1, 12, 16)
        np.testing.assert_allclose(
            corners(result, (0,), (12, 16)), corners(image, (3,), (12, 16)), atol=1e-9
        )

    def test_it_is_shown_with_its_plane_only(self, rng):
        viewer = ViewerModel()
        image = viewer.add_image(rng.random((5, 12, 16)), scale=(2, 1, 1))
        viewer.dims.set_point(0, 6)
        plane = current_plane(image, viewer.dims)
        result = viewer.add_layer(labels_layer([plane], [np.ones((12, 16), int)], "mask", {}))
        assert result.get_value((6, 5, 5), world=True) == 1
        viewer.dims.set_point(0, 8)
        assert not result.get_value((8, 5, 5), world=True)

    def test_every_plane_of_a_stack(self, rng):
        image = placed_stack(rng)
        maps = [np.full((12, 16), index, np.uint8) for index in range(5)]
        result = labels_layer(all_planes(image), maps, "mask", {})
        np.testing.assert_array_equal(result.data[:, 0, 0], range(5))
        np.testing.assert_allclose(
            corners(result, (4,), (12, 16)), corners(image, (4,), (12, 16)), atol=1e-9
        )

    def test_picture(self, rng):
        image = placed_stack(rng)
        picture = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        result = picture_layer([all_planes(image)[2]], [picture], "embedding", {})
        assert result.rgb
        assert result.ndim == 3
        np.testing.assert_allclose(
            corners(result, (0,), (12, 16)), corners(image, (2,), (12, 16)), atol=1e-9
        )

    def test_the_recipe_is_a_copy(self, rng):
        recipe = {"seed": 1}
        (plane,) = all_planes(Image(rng.random((12, 16))))
        result = labels_layer([plane], [np.ones((12, 16), int)], "mask", recipe)
        recipe["seed"] = 2
        assert result.metadata[METADATA_KEY] == {"seed": 1}


def test_foreign_layers_have_no_recipe(rng):
    assert recipe_of(Image(rng.random((12, 16)))) is None


def test_unit_factors_convert_lengths_and_leave_pixels_alone(rng):
    metric = Image(rng.random((2, 12, 16)), units=("s", "mm", "um"))
    pixels = Image(rng.random((12, 16)))
    np.testing.assert_allclose(
        unit_factors(metric.units, Image(rng.random((12, 16)), units=("um", "um")).units),
        [1000, 1],
    )
    np.testing.assert_allclose(unit_factors(metric.units, pixels.units), [1, 1])
