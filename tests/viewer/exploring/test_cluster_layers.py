from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.grouping import Grouping
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.reports.palette import cluster_colour
from napari_localdisc.viewer.exploring.cluster_layers import ClusterLayers
from napari_localdisc.viewer.exploring.explore import Settings, explore
from napari_localdisc.viewer.layers import all_planes, recipe_of

COUNT = 5


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def images(viewer):
    stack = np.stack([xray_phantom(seed, 64).image for seed in range(2)])
    return [
        viewer.add_image(stack, name="stack", scale=(3, 0.5, 0.5), rotate=(0, 0, 30)),
        viewer.add_image(xray_phantom(2, 72).image, name="flat", translate=(5, 7)),
    ]


@pytest.fixture
def exploration(images, encoder_file):
    planes = [plane for image in images for plane in all_planes(image)]
    settings = Settings(str(encoder_file), "cpu", COUNT)
    return drain(explore(planes, settings))[1]


@pytest.fixture
def grouping():
    return Grouping(COUNT)


@pytest.fixture
def layers(viewer, images, exploration, grouping):
    layers = ClusterLayers(viewer, exploration, grouping)
    for image in layers.images:
        layers.add(image, clusters=True, picture=True)
    return layers


def test_maps_and_pictures_sit_on_their_images(viewer, images, layers):
    made = viewer.layers[2:]
    assert [layer.name for layer in made] == [
        "stack embedding",
        "stack clusters",
        "flat embedding",
        "flat clusters",
    ]
    for layer in made:
        image = layers.image_of(layer)
        np.testing.assert_allclose(layer.extent.world, image.extent.world)
        np.testing.assert_allclose(
            layer.data_to_world((1,) * layer.ndim), image.data_to_world((1,) * image.ndim)
        )
        assert recipe_of(layer)["image"] == image.name
    assert made[0].rgb
    assert made[0].data.shape == (2, 64, 64, 3)


def test_the_same_cluster_has_the_same_colour_in_all_images(layers):
    for layer in layers.maps:
        for label in range(1, COUNT + 1):
            expected = (*(level / 255 for level in cluster_colour(label)), 1)
            np.testing.assert_allclose(layer.get_color(label), expected, atol=1e-6)
        assert layer.get_color(0) is None or layer.get_color(0)[-1] == 0


def test_each_map_has_the_statistics_of_its_image(layers):
    for layer in layers.maps:
        table = layer.features
        assert list(table["index"]) == np.unique(layer.data).tolist()
        assert table["size"].sum() == layer.data.size
        assert list(table["name"]) == [f"Cluster {label}" for label in table["index"]]


def test_merging_changes_labels_and_table_and_can_be_undone(layers, grouping):
    before = [(layer.data.copy(), layer.features.copy()) for layer in layers.maps]
    grouping.merge(2, into=1)
    grouping.rename(1, "lung")
    layers.regroup()
    for layer, (data, table) in zip(layers.maps, before, strict=True):
        np.testing.assert_array_equal(layer.data, np.where(data == 2, 1, data))
        assert 2 not in list(layer.features["index"])
        sizes = table.set_index("index")["size"]
        first = layer.features.set_index("index").loc[1]
        assert first["size"] == sizes.get(1, 0) + sizes.get(2, 0)
        assert first["name"] == "lung"
        assert recipe_of(layer)["merged"] == {"1": [2]}
        assert recipe_of(layer)["names"] == {"1": "lung"}
    grouping.undo()
    grouping.undo()
    layers.regroup()
    for layer, (data, table) in zip(layers.maps, before, strict=True):
        np.testing.assert_array_equal(layer.data, data)
        assert layer.features.equals(table)
        assert recipe_of(layer)["merged"] == {}


def test_what_was_painted_survives_merging_and_undoing(layers, grouping):
    layer = layers.maps[1]
    original = layer.data.copy()
    layer.data[:4, :4] = 3
    layer.data[:4, 4:8] = 2
    grouping.merge(2, into=1)
    layers.regroup()
    assert (layer.data[:4, :4] == 3).all()
    assert (layer.data[:4, 4:8] == 1).all()
    grouping.undo()
    layers.regroup()
    assert (layer.data[:4, :4] == 3).all()
    np.testing.assert_array_equal(layer.data[4:], original[4:])


def test_isolating_follows_a_merge(layers, grouping):
    layers.isolate(2)
    assert all(layer.show_selected_label and layer.selected_label == 2 for layer in layers.maps)
    grouping.merge(2, into=3)
    layers.regroup()
    assert layers.isolated == 3
    assert all(layer.selected_label == 3 for layer in layers.maps)
    layers.isolate(None)
    assert not any(layer.show_selected_label for layer in layers.maps)


def test_layers_that_were_renamed_moved_or_removed(viewer, images, layers, grouping):
    first, second = layers.maps
    first.name = second.name = "mine"
    viewer.layers.move(viewer.layers.index(second), 0)
    viewer.layers.remove(first)
    grouping.merge(2, into=1)
    layers.regroup()
    layers.show_as(opacity=0.2, borders=True)
    layers.isolate(1)
    assert layers.maps == [second]
    assert 2 not in second.data
    assert (second.opacity, second.contour) == (0.2, 1)
    assert len(viewer.layers) == 5


def test_a_map_that_was_replaced_by_another_shape_is_left_alone(layers, grouping):
    layer = layers.maps[1]
    layer.data = np.full((3, 4), 2, np.uint8)
    grouping.merge(2, into=1)
    layers.regroup()
    assert (layer.data == 2).all()


def test_export_copies_what_is_shown_with_its_recipe(viewer, images, layers, grouping):
    grouping.merge(2, into=1)
    grouping.rename(1, "lung")
    layers.regroup()
    layers.maps[1].data[:4, :4] = 1
    exported = layers.export([1, 3])
    assert [layer.name for layer in exported] == [
        "stack: lung, Cluster 3",
        "flat: lung, Cluster 3",
    ]
    for layer, shown, image in zip(exported, layers.maps, images, strict=True):
        assert isinstance(layer, Labels)
        kept = np.isin(shown.data, (1, 3))
        np.testing.assert_array_equal(layer.data, np.where(kept, shown.data, 0))
        assert set(layer.features["index"]) <= {1, 3}
        np.testing.assert_allclose(layer.extent.world, image.extent.world)
        recipe = recipe_of(layer)
        assert recipe["chosen"] == [1, 3]
        assert recipe["merged"] == {"1": [2]}
        assert recipe["names"] == {"1": "lung"}
        assert recipe["encoder"].endswith("tiny.safetensors")
    assert (exported[1].data[:4, :4] == 1).all()
    exported[0].data[...] = 0
    assert layers.maps[0].data.any()


def test_export_works_without_the_maps(viewer, images, layers):
    for layer in layers.maps:
        viewer.layers.remove(layer)
    viewer.layers.remove(images[0])
    (exported,) = layers.export([1])
    assert np.unique(exported.data).tolist() == [0, 1]
    assert exported.name == "flat: Cluster 1"
