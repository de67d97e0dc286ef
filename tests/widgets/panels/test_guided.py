from __future__ import annotations

import json
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels
from PIL import Image as Picture
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog

from napari_localdisc.cli import main
from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.viewer.drawing import shapes_layer
from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.viewer.visibility import show_image
from napari_localdisc.widgets.panels.guided import FOLDER, GuidedPanel, in_short


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


def maps_of(viewer):
    return [
        layer for layer in viewer.layers if (recipe_of(layer) or {}).get("kind") == "confidence"
    ]


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

    def test_the_curve_and_the_least_sure_first(
        self, panel, click, finish, viewer, session, xrays, qtbot
    ):
        stack = viewer.add_image(xrays, name="stack", translate=(10, 0, 0))
        single = viewer.add_image(xrays[0], name="single")
        click(panel.run_row.button)
        finish(panel)
        assert panel.curve.isVisible()
        judged = panel.curve.points["judged"]
        assert len(judged) >= 2
        assert [at for at, _ in judged] == sorted(at for at, _ in judged)
        rows = [panel.review.item(row, 0).text() for row in range(panel.review.rowCount())]
        sure = [float(panel.review.item(row, 1).text()) for row in range(panel.review.rowCount())]
        assert sorted(rows) == ["single", "stack [0]", "stack [1]", "stack [2]"]
        assert sure == sorted(sure)
        cell = panel.review.visualItemRect(panel.review.item(rows.index("stack [2]"), 0)).center()
        qtbot.mouseClick(panel.review.viewport(), Qt.MouseButton.LeftButton, pos=cell)
        assert viewer.dims.point[0] == stack.data_to_world((2, 0, 0))[0]
        assert viewer.layers.selection.active is viewer.layers["stack lungs"]
        assert stack.visible
        assert not single.visible

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
        panel.session.settle(guide_images=2)
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


class TestConfidenceMap:
    @pytest.fixture
    def done(self, panel, click, finish, images):
        click(panel.run_row.button)
        finish(panel)
        return panel

    def test_it_lies_on_the_image_in_view_beneath_the_mask(self, done, tick, viewer, images):
        active = viewer.layers.selection.active
        assert done.confidence.native.isVisible()
        tick(done.confidence)
        (shown,) = maps_of(viewer)
        assert list(viewer.layers)[1] is shown
        assert sits_on(shown, images[0])
        assert shown.units == images[0].units
        assert 0 <= shown.data.min() < shown.data.max() <= 1
        assert viewer.layers.selection.active is active
        tick(done.confidence)
        assert not shown.visible

    def test_it_follows_the_image_that_is_looked_at(self, done, tick, viewer, images):
        tick(done.confidence)
        rows = [done.review.item(row, 0).text() for row in range(2)]
        done.review.setCurrentCell(rows.index("second"), 0)
        first, second = maps_of(viewer)
        assert (first.visible, second.visible) == (False, True)
        assert sits_on(second, images[1])

    def test_a_removed_map_comes_back_when_asked_for(self, done, tick, viewer):
        tick(done.confidence)
        viewer.layers.remove(maps_of(viewer)[0])
        tick(done.confidence)
        assert maps_of(viewer) == []
        tick(done.confidence)
        assert [layer.visible for layer in maps_of(viewer)] == [True]

    def test_a_removed_image_has_none(self, done, tick, viewer, images, notes):
        viewer.layers.remove(images[0])
        tick(done.confidence)
        assert maps_of(viewer) == []
        assert [note for note in notes if str(note.severity) == "error"] == []

    def test_a_stack_has_one_with_every_plane(
        self, panel, click, finish, tick, viewer, session, xrays
    ):
        stack = viewer.add_image(xrays, name="stack", scale=(3, 1, 1))
        click(panel.run_row.button)
        finish(panel)
        tick(panel.confidence)
        (shown,) = maps_of(viewer)
        assert shown.data.shape == stack.data.shape
        assert all(plane.max() > 0 for plane in shown.data)

    def test_a_map_is_no_image_to_run_on(self, done, tick, viewer, images):
        tick(done.confidence)
        assert done.images.images == images


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
        (kept,) = labels_of(viewer)
        assert kept.name == "first lungs (unfinished)"
        assert recipe_of(kept)["kind"] == "unfinished segmentation"
        assert session.segmenter is None

    def test_what_a_cancel_left_can_be_saved(self, running, click, finish, viewer, tmp_path):
        click(running.run_row.button)
        finish(running)
        running.save_menu.save_masks(tmp_path / "masks")
        finish(running)
        (kept,) = labels_of(viewer)
        written = tmp_path / "masks" / "first.nii.gz"
        np.testing.assert_array_equal(np.asarray(nibabel.load(written).dataobj), kept.data.T)
        click(running.run_row.button)
        finish(running)
        running.save_menu.save_masks(tmp_path / "all")
        finish(running)
        assert {path.name for path in (tmp_path / "all").glob("*.nii.gz")} == {
            "first.nii.gz", "second.nii.gz",
        }  # fmt: skip

    def test_no_earlier_result_lies_on_the_preview(self, running, click, finish, viewer):
        click(running.run_row.button)
        finish(running)
        (earlier,) = labels_of(viewer)
        click(running.run_row.button)
        finish(running)
        assert [layer.visible for layer in labels_of(viewer)] == [False, True, False]
        assert labels_of(viewer)[0] is earlier

    def test_no_drawing_lies_on_the_preview(
        self, qtbot, panel, click, finish, viewer, images, session
    ):
        drawn = viewer.add_layer(shapes_layer(images[1], "lungs", ("lungs",)))
        other = viewer.add_shapes([[[0, 0], [9, 9]]], shape_type="line")
        click(panel.run_row.button)
        finish(panel)
        assert not drawn.visible
        assert other.visible

    def test_no_other_image_lies_on_the_preview(self, running, images):
        assert [image.visible for image in images] == [True, False]

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

    def test_an_image_removed_while_results_are_added_gets_none(
        self, running, finish, viewer, images, notes
    ):
        def remove_the_second(event):
            if event.value.name == "first lungs":
                viewer.layers.remove(images[1])

        viewer.layers.events.inserted.connect(remove_the_second)
        finish(running)
        (result,) = labels_of(viewer)
        assert result.name == "first lungs"
        assert result.visible
        assert [note for note in notes if str(note.severity) == "error"] == []

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

    def test_nothing_to_save_yet(self, panel, notes, tmp_path):
        assert not panel.save_menu.actions_by_name["Segmenter"].isEnabled()
        panel.save_menu.save_masks(tmp_path)
        assert "no segmentation to save" in notes[-1].message


class TestSaving:
    @pytest.fixture
    def films_open(self, viewer, films, readers):
        return [layer for film in sorted(films.iterdir()) for layer in viewer.open(film)]

    @pytest.fixture
    def done(self, panel, films_open, click, finish):
        click(panel.run_row.button)
        finish(panel)
        return panel

    @pytest.fixture
    def ask(self, monkeypatch):
        """Answer the next file dialog with a path and choose an entry of the menu."""

        def ask(panel, entry, path):
            for dialog in ("getSaveFileName", "getExistingDirectory"):
                answer = str(path) if dialog == "getExistingDirectory" else (str(path), "")
                monkeypatch.setattr(QFileDialog, dialog, lambda *_, answer=answer: answer)
            panel.save_menu.actions_by_name[entry].trigger()

        return ask

    def test_the_segmenter(self, done, ask, tmp_path):
        ask(done, "Segmenter", tmp_path / "mine")
        assert load_segmenter(tmp_path / "mine.safetensors").targets == ("lungs",)

    def test_masks_as_they_were_corrected(self, done, ask, finish, viewer, films, tmp_path):
        out = tmp_path / "masks"
        corrected = labels_of(viewer)[1]
        corrected.paint((2, 2), 1)
        ask(done, "Masks", out)
        finish(done)
        assert {path.name for path in out.iterdir()} == {
            "0.png", "1.png", "2.png", "journal.jsonl", "recipe.json", "report.csv",
        }  # fmt: skip
        for number, layer in enumerate(labels_of(viewer)):
            np.testing.assert_array_equal(
                np.asarray(Picture.open(out / f"{number}.png")), layer.data * 255
            )
        recipes = json.loads((out / "recipe.json").read_text("utf-8"))["masks"]
        assert [recipes[str(number)]["corrected"] for number in range(3)] == [False, True, False]
        ask(done, "Masks", out)
        finish(done)
        assert done.run_row.status.text() == f"Saved 3 masks in {out}."

    def test_masks_of_a_stack(self, panel, click, finish, viewer, session, xrays, ask, tmp_path):
        viewer.add_image(xrays, name="stack")
        click(panel.run_row.button)
        finish(panel)
        ask(panel, "Masks", tmp_path / "masks")
        finish(panel)
        saved = tifffile.imread(tmp_path / "masks" / "stack.tif")
        np.testing.assert_array_equal(saved, labels_of(viewer)[0].data)

    def test_other_files_are_never_replaced(self, done, ask, finish, notes, tmp_path):
        out = tmp_path / "masks"
        out.mkdir()
        (out / "1.png").write_bytes(b"precious")
        ask(done, "Masks", out)
        finish(done)
        assert "would be replaced" in notes[-1].message
        assert (out / "1.png").read_bytes() == b"precious"
        assert not (out / "0.png").exists()

    def test_a_session_runs_without_a_window(self, done, ask, finish, viewer, tmp_path, capsys):
        ask(done, "Session", tmp_path / "films")
        finish(done)
        assert main(["run", str(tmp_path / "films.localdisc"), "-o", str(tmp_path / "out")]) == 0
        for number, layer in enumerate(labels_of(viewer)):
            mask = np.asarray(Picture.open(tmp_path / "out" / f"{number}.png"))
            np.testing.assert_array_equal(mask, layer.data * 255)


class TestTheRightPicture:
    """No preview, mask or drawing lies on the image of somebody else."""

    @pytest.fixture
    def done(self, panel, click, finish, images):
        click(panel.run_row.button)
        finish(panel)
        return panel

    def look_at(self, qtbot, panel, name):
        rows = [panel.review.item(row, 0).text() for row in range(panel.review.rowCount())]
        cell = panel.review.visualItemRect(panel.review.item(rows.index(name), 0)).center()
        qtbot.mouseClick(panel.review.viewport(), Qt.MouseButton.LeftButton, pos=cell)

    def in_view(self, viewer):
        return {layer.name for layer in viewer.layers if layer.visible}

    def test_another_image_is_guided_on_than_the_one_looked_at(
        self, qtbot, done, click, finish, viewer, images
    ):
        self.look_at(qtbot, done, "first")
        assert self.in_view(viewer) == {"first", "first lungs"}
        done.images.tick(images[0], ticked=False)
        known = set(viewer.layers)
        click(done.run_row.button)
        qtbot.waitUntil(lambda: bool(set(viewer.layers) - known), timeout=20_000)
        assert self.in_view(viewer) == {"second", "second lungs (preview)"}
        assert viewer.title == "second"
        finish(done)
        (found,) = set(viewer.layers) - known
        assert [layer for layer in viewer.layers if layer.visible] == [images[1], found]

    def test_a_row_of_the_table_shows_its_image_alone(self, qtbot, done, viewer):
        for name in ("first", "second", "first"):
            self.look_at(qtbot, done, name)
            assert self.in_view(viewer) == {name, f"{name} lungs"}
            assert viewer.title == name

    def test_the_end_of_a_run_leaves_the_view_to_who_works_on_another_image(
        self, qtbot, panel, click, finish, viewer, images
    ):
        panel.images.tick(images[1], ticked=False)
        click(panel.run_row.button)
        qtbot.waitUntil(lambda: bool(labels_of(viewer)), timeout=20_000)
        show_image(viewer, images[1])
        viewer.layers.selection.active = images[1]
        finish(panel)
        assert self.in_view(viewer) == {"second"}
        assert viewer.layers.selection.active is images[1]
        show_image(viewer, images[0])
        assert self.in_view(viewer) == {"first", "first lungs"}

    def test_a_drawing_is_shown_with_its_image_alone(self, qtbot, done, viewer, images):
        viewer.add_layer(shapes_layer(images[1], "drawing"))
        self.look_at(qtbot, done, "first")
        assert "drawing" not in self.in_view(viewer)
        self.look_at(qtbot, done, "second")
        assert "drawing" in self.in_view(viewer)


def choose(row, text):
    row.setCurrentText(text)
    row.activated.emit(row.currentIndex())


class TestReadyMade:
    """Open images, choose what to find, run."""

    @pytest.fixture
    def chosen(self, panel, viewer, images):
        choose(panel.find_row, "Lungs, ready made")
        return panel

    def test_masks_of_all_images_without_guidance(
        self, chosen, click, finish, viewer, session, images, notes
    ):
        events = []
        chosen.run_row.runner.progressed.connect(lambda event: events.append(event.stage))
        click(chosen.run_row.button)
        assert chosen.run_row.title.text() == "Looking for lungs in 2 images"
        finish(chosen)
        assert [note for note in notes if str(note.severity) == "error"] == []
        results = labels_of(viewer)
        assert [layer.name for layer in results] == ["first lungs", "second lungs"]
        for labels, image in zip(results, images, strict=True):
            assert sits_on(labels, image)
        assert "guide" not in events
        assert session.segmenter.targets == ("lungs",)
        assert chosen.run_row.status.text().startswith("2 masks, ")
        assert chosen.review.rowCount() == 2

    def test_what_only_guidance_takes_is_not_shown(self, chosen, click):
        click(chosen.details.button)
        assert chosen.device_row.isVisible()
        assert not chosen.seed.native.isVisible()
        choose(chosen.find_row, "Lungs, by simulated shapes")
        assert chosen.seed.native.isVisible()

    def test_planes_are_asked_for_only_where_a_stack_is_open(self, chosen, viewer, xrays):
        assert not chosen.every_plane.native.isVisible()
        viewer.add_image(xrays, name="stack")
        assert chosen.every_plane.native.isVisible()
        chosen.source.value = FOLDER
        assert not chosen.every_plane.native.isVisible()

    def test_a_folder_is_for_another_panel(self, chosen, click, notes, tmp_path):
        chosen.source.value = FOLDER
        chosen.folder.value = tmp_path
        click(chosen.run_row.button)
        assert "segment the folder in the panel Folder" in notes[-1].message

    def test_nothing_is_chosen_at_first(self, panel, click, viewer, session, images, notes):
        session.prior = None
        click(panel.run_row.button)
        assert "nothing to find is chosen" in notes[-1].message


def test_results_in_short():
    def found(*scores):
        return [SimpleNamespace(score=score) for score in scores]

    assert in_short(found(0.914)) == "1 mask, confidence 0.91."
    assert in_short(found(0.9, 0.3, 0.69)) == "3 masks, 2 to check first."
    assert in_short(found(0.9, 0.8)) == "2 masks, none to check first."
