from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels
from PIL import Image as Picture

from napari_localdisc.core.segmenter_file import load_segmenter
from napari_localdisc.core.shapes import simulate
from napari_localdisc.layers import recipe_of
from napari_localdisc.widgets.guided import FOLDER, GuidedPanel


@pytest.fixture
def panel(open_panel, viewer, session, effort):
    session.prior = simulate("lungs", count=4, size=64)
    panel = open_panel(GuidedPanel, viewer)
    panel.effort = effort
    return panel


@pytest.fixture
def images(viewer, xrays):
    return [
        viewer.add_image(xrays[0], name="first", scale=(0.5, 0.5), translate=(7, 8), rotate=30),
        viewer.add_image(xrays[1], name="second", shear=[0.3]),
    ]


def labels_of(viewer):
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def sits_on(labels, image):
    corners = [(0, 0), (0, 63), (63, 0), (63, 63)]
    return all(
        np.allclose(labels.data_to_world(corner), image.data_to_world(corner)) for corner in corners
    )


class TestRun:
    def test_results_previews_and_segmenter(
        self, panel, click, finish, viewer, session, images, notes, tmp_path
    ):
        previews = []
        viewer.layers.events.inserted.connect(lambda event: previews.append(event.value.name))
        click(panel.run_row.button)
        finish(panel)
        assert [note for note in notes if str(note.severity) == "error"] == []
        results = labels_of(viewer)
        assert [layer.name for layer in results] == ["first lungs", "second lungs"]
        assert previews[0] == "first lungs (preview)"
        for labels, image in zip(results, images, strict=True):
            assert sits_on(labels, image)
            assert set(np.unique(labels.data)) <= {0, 1}
            assert recipe_of(labels)["image"] == image.name
        assert results[0].data.any()
        assert session.segmenter.targets == ("lungs",)
        assert "KL" in panel.run_row.status.text()
        panel.save(tmp_path / "lungs.safetensors")
        assert load_segmenter(tmp_path / "lungs.safetensors").targets == ("lungs",)

    def test_a_stack_gives_one_layer_with_every_plane(
        self, panel, click, finish, viewer, session, xrays
    ):
        stack = viewer.add_image(xrays, name="stack", scale=(3, 1, 1))
        click(panel.run_row.button)
        finish(panel)
        (labels,) = labels_of(viewer)
        assert labels.data.shape == stack.data.shape
        assert [bool(plane.any()) for plane in labels.data] == [True] * 3

    def test_more_planes_than_guidance_looks_at(
        self, panel, click, finish, viewer, session, effort, xrays
    ):
        panel.effort = effort.model_copy(update={"max_images": 2})
        viewer.add_image(xrays, name="stack")
        click(panel.run_row.button)
        finish(panel)
        (labels,) = labels_of(viewer)
        assert [bool(plane.any()) for plane in labels.data] == [True] * 3

    def test_the_preview_is_of_the_plane_in_view(self, qtbot, panel, click, viewer, session, xrays):
        stack = viewer.add_image(xrays, name="stack")
        viewer.dims.set_point(0, 2)
        click(panel.run_row.button)
        qtbot.waitUntil(lambda: bool(labels_of(viewer)), timeout=20_000)
        (preview,) = labels_of(viewer)
        assert preview.name == "stack [2] lungs (preview)"
        assert np.allclose(preview.data_to_world((0, 0, 0)), stack.data_to_world((2, 0, 0)))

    def test_images_of_a_folder(self, panel, click, finish, viewer, session, xrays, tmp_path):
        for number, image in enumerate(xrays):
            Picture.fromarray(image).save(tmp_path / f"{number}.png")
        (tmp_path / "broken.png").write_text("no image")
        panel.source.value = FOLDER
        panel.folder.value = tmp_path
        click(panel.run_row.button)
        finish(panel)
        assert [type(layer) for layer in viewer.layers] == [Image, Labels]
        assert viewer.layers[0].name == "0"
        assert session.segmenter is not None


class TestInterruptions:
    @pytest.fixture
    def running(self, qtbot, panel, click, viewer, images):
        click(panel.run_row.button)
        qtbot.waitUntil(lambda: bool(labels_of(viewer)), timeout=20_000)
        return panel

    def test_cancel_keeps_what_is_there(self, running, click, finish, viewer, session):
        click(running.run_row.button)
        finish(running)
        assert running.run_row.status.text() == "Cancelled."
        assert running.run_row.button.isEnabled()
        assert [layer.name for layer in labels_of(viewer)] == ["first lungs (preview)"]
        assert session.segmenter is None

    def test_a_removed_image_gets_no_result(self, running, finish, viewer, images, notes):
        viewer.layers.remove(images[0])
        finish(running)
        assert [layer.name for layer in labels_of(viewer)] == ["second lungs"]
        assert [note for note in notes if str(note.severity) == "error"] == []

    def test_a_removed_preview_does_not_come_back(self, running, finish, viewer):
        names = []
        viewer.layers.remove(labels_of(viewer)[0])
        viewer.layers.events.inserted.connect(lambda event: names.append(event.value.name))
        finish(running)
        assert names == ["first lungs", "second lungs"]

    def test_renamed_and_reordered_images_keep_their_results(self, running, finish, viewer, images):
        images[0].name = "left"
        viewer.layers.reverse()
        finish(running)
        results = {layer.name: layer for layer in labels_of(viewer)}
        assert set(results) == {"left lungs", "second lungs"}
        assert sits_on(results["left lungs"], images[0])


class TestRefusals:
    def test_no_image(self, panel, click, notes):
        click(panel.run_row.button)
        assert not panel.run_row.runner.running
        assert "no image is ticked" in notes[-1].message

    def test_no_folder(self, panel, click, notes):
        panel.source.value = FOLDER
        click(panel.run_row.button)
        assert "no folder of images" in notes[-1].message

    def test_a_wrong_encoder_gives_the_button_back(
        self, panel, click, finish, viewer, images, notes, session, tmp_path
    ):
        (tmp_path / "wrong.safetensors").write_text("nothing")
        session.encoder_name = str(tmp_path / "wrong.safetensors")
        click(panel.run_row.button)
        finish(panel)
        assert "wrong.safetensors" in notes[-1].message
        assert panel.run_row.button.text() == "Run"
        assert panel.run_row.button.isEnabled()

    def test_nothing_to_save_yet(self, panel):
        assert not panel.save_button.isEnabled()
