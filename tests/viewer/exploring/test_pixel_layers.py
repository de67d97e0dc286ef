from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.grouping import Grouping
from napari_localdisc.core.encoder.embedding_cache import EmbeddingCache
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.viewer.exploring.cluster_layers import ClusterLayers
from napari_localdisc.viewer.exploring.explore import Settings, embedding_of, explore
from napari_localdisc.viewer.exploring.pixel_layers import Likeness, PixelLayers, Spot, spot_under
from napari_localdisc.viewer.layers import all_planes, recipe_of, unit_factors

CELL = (0, 0)
PLACED = {
    "scale": (3, 0.5, 2),
    "translate": (10, 1, 2),
    "rotate": (0, 0, 30),
    "shear": [0, 0, 0.3],
    "affine": np.array([[1, 0, 0, 4], [0, 1.1, 0.2, 5], [0, -0.1, 1.5, 6], [0, 0, 0, 1]]),
    "units": ("mm", "um", "um"),
}


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def cache():
    return EmbeddingCache()


@pytest.fixture
def explored(viewer, encoder_file, cache):
    """Explore all planes of all images of the viewer."""

    def explored():
        planes = [plane for image in viewer.layers for plane in all_planes(image)]
        settings = Settings(str(encoder_file), "cpu")
        found = drain(explore(planes, settings))[1]
        for plane in found.planes:
            drain(embedding_of(plane, settings, cache))
        return ClusterLayers(viewer, found, Grouping(found.count)), found

    return explored


@pytest.fixture
def stack(viewer):
    data = np.stack([xray_phantom(seed, 64).image for seed in range(3)])
    return viewer.add_image(data, name="stack", **PLACED)


def world(viewer, layer, pixel):
    """Where the pointer is over a pixel, in the viewer's units."""
    place = np.asarray(layer.data_to_world(pixel))
    return place * unit_factors(layer.units, viewer.dims.units[-layer.ndim :])


def likeness(spot, cache):
    return Likeness.of(spot, cache.get(spot.explored.key), with_places=True)


@pytest.mark.parametrize("pixel", [(0, 0, 0), (2, 63, 63), (1, 17, 40)])
def test_the_pixel_under_the_pointer(viewer, stack, explored, pixel):
    layers, _ = explored()
    spot = spot_under(viewer, layers, world(viewer, stack, pixel), CELL)
    assert (*spot.explored.plane.index, *spot.pixel) == pixel
    assert spot.label == spot.explored.labels[pixel[1:]]


@pytest.mark.parametrize("pixel", [(-1, 5, 5), (3, 5, 5), (1, -1, 5), (1, 5, 64)])
def test_there_is_none_beside_the_image(viewer, stack, explored, pixel):
    layers, _ = explored()
    assert spot_under(viewer, layers, world(viewer, stack, pixel), CELL) is None


def test_units_of_another_layer(viewer, stack, explored):
    layers, _ = explored()
    before = world(viewer, stack, (2, 5, 6))
    viewer.add_points(np.zeros((1, 3)), units=("nm", "nm", "nm"))
    after = world(viewer, stack, (2, 5, 6))
    assert not np.allclose(before, after)
    spot = spot_under(viewer, layers, after, CELL)
    assert (*spot.explored.plane.index, *spot.pixel) == (2, 5, 6)


def test_a_flat_image_among_stacks_follows_when_it_is_moved(viewer, stack, explored):
    flat = viewer.add_image(xray_phantom(1, 64).image, name="flat")
    layers, _ = explored()
    flat.translate = (1000, 1000)
    spot = spot_under(viewer, layers, (0, *flat.data_to_world((3, 4))), CELL)
    assert spot.explored.plane.layer is flat
    assert spot.pixel == (3, 4)


@pytest.mark.parametrize("kind", ["multiscale", "rgb"])
def test_images_of_other_kinds(viewer, explored, kind):
    grey = xray_phantom(0, 64).image
    if kind == "rgb":
        image = viewer.add_image(np.stack([grey] * 3, axis=-1), rgb=True, scale=(2, 2))
    else:
        image = viewer.add_image([grey, grey[::2, ::2]], multiscale=True, scale=(2, 2))
    layers, _ = explored()
    assert spot_under(viewer, layers, image.data_to_world((60, 61)), CELL).pixel == (60, 61)
    assert spot_under(viewer, layers, image.data_to_world((64, 61)), CELL) is None


def test_the_topmost_visible_image_counts(viewer, explored):
    below, above = (viewer.add_image(xray_phantom(seed, 64).image) for seed in range(2))
    layers, _ = explored()

    def image_at():
        spot = spot_under(viewer, layers, (5, 5), CELL)
        return spot and spot.explored.plane.layer

    assert image_at() is above
    above.visible = False
    assert image_at() is below
    viewer.layers.remove(below)
    assert image_at() is None


def test_in_the_grid_the_cell_counts(viewer, explored):
    images = [viewer.add_image(xray_phantom(seed, 64).image) for seed in range(2)]
    layers, _ = explored()
    grid = viewer.canvas.grid
    grid.enabled = True
    layers.add(images[0], clusters=True, picture=False)
    expected = {0: images[0], 1: images[1], 2: images[0]}
    for number, image in expected.items():
        cell = grid.position(number, viewer.layers)
        assert spot_under(viewer, layers, (5, 5), cell).explored.plane.layer is image


def test_nothing_is_looked_at_in_3d(viewer, stack, explored):
    layers, _ = explored()
    viewer.dims.ndisplay = 3
    assert spot_under(viewer, layers, world(viewer, stack, (1, 5, 5)), CELL) is None


class TestLayers:
    @pytest.fixture
    def found(self, stack, explored, cache):
        return likeness(Spot(explored()[1].planes[1], (20, 30)), cache)

    def test_the_map_sits_on_its_plane(self, viewer, stack, found):
        viewer.layers.selection.active = stack
        PixelLayers(viewer).show_similarity(found, {"encoder": "tiny"}, anew=False)
        heat = viewer.layers[-1]
        assert heat.data[0, 20, 30] == pytest.approx(1, abs=1e-5)
        for corner in ((0, 0), (63, 63), (20, 30)):
            np.testing.assert_allclose(
                heat.data_to_world((0, *corner)), stack.data_to_world((1, *corner))
            )
        assert viewer.layers.selection.active is stack
        assert recipe_of(heat) == {
            "encoder": "tiny",
            "kind": "similarity",
            "image": "stack [1]",
            "pixel": [20, 30],
        }

    def test_one_map_follows_to_other_planes_and_places(self, viewer, stack, found, cache):
        layers = PixelLayers(viewer)
        layers.show_similarity(found, {}, anew=False)
        heat = viewer.layers[-1]
        heat.name, heat.opacity = "mine", 0.3
        stack.translate = (10, 50, 60)
        layers.show_similarity(found, {}, anew=False)
        assert viewer.layers[-1] is heat
        assert heat.opacity == 0.3
        np.testing.assert_allclose(heat.data_to_world((0, 7, 8)), stack.data_to_world((1, 7, 8)))

    def test_a_map_on_an_image_of_other_dimensions(self, viewer, found, explored, cache):
        layers = PixelLayers(viewer)
        layers.show_similarity(found, {}, anew=False)
        viewer.layers.remove(viewer.layers[-1])
        layers.show_similarity(found, {}, anew=True)
        flat = viewer.add_image(xray_phantom(4, 64).image, name="flat", translate=(4, 5))
        viewer.layers.remove(viewer.layers[1])
        spot = Spot(explored()[1].planes[-1], (3, 3))
        assert spot.explored.plane.layer is flat
        layers.show_similarity(likeness(spot, cache), {}, anew=False)
        heat = viewer.layers[-1]
        np.testing.assert_allclose(heat.extent.world, flat.extent.world)

    def test_a_removed_map_comes_back_only_when_asked_for(self, viewer, found):
        layers = PixelLayers(viewer)
        layers.show_similarity(found, {}, anew=False)
        viewer.layers.remove(viewer.layers[-1])
        layers.show_similarity(found, {}, anew=False)
        assert len(viewer.layers) == 1
        layers.show_similarity(found, {}, anew=True)
        assert len(viewer.layers) == 2

    def test_marks_are_on_the_pixels_most_alike(self, viewer, stack, found):
        layers = PixelLayers(viewer)
        layers.show_places(found, {})
        marks = viewer.layers[-1]
        np.testing.assert_array_equal(marks.data[0], (1, 20, 30))
        np.testing.assert_allclose(
            marks.data_to_world(marks.data[0]), stack.data_to_world((1, 20, 30))
        )
        assert list(marks.features["rank"]) == list(range(len(marks.data)))
        similarity = list(marks.features["similarity"])
        assert similarity == sorted(similarity, reverse=True)
        assert similarity[0] == pytest.approx(1, abs=1e-5)
        layers.show_places(found, {})
        assert viewer.layers[-1] is marks

    def test_selected_pixels_of_one_image_are_one_layer(self, viewer, stack, explored):
        planes = [each.plane for each in explored()[1].planes]
        layers = PixelLayers(viewer)
        masks = [np.eye(64, dtype=bool)] * 3
        layers.show_selected(stack, planes, masks)
        layer = viewer.layers[-1]
        np.testing.assert_allclose(layer.extent.world, stack.extent.world)
        layers.show_selected(stack, planes, [~mask for mask in masks])
        assert viewer.layers[-1] is layer
        assert layer.data.sum() == 3 * 64 * 63
        layers.clear_selected()
        assert list(viewer.layers) == [stack]
