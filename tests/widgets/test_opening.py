"""Files dragged onto the window: what they hold is in use, and the panel that goes on opens."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from napari.layers import Labels, Shapes
from napari.utils.notifications import notification_manager

from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.prior_files import save_prior
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.viewer.drawing import shapes_layer
from napari_localdisc.viewer.layers import METADATA_KEY, recipe_of
from napari_localdisc.viewer.session import session_of
from napari_localdisc.viewer.visibility import show_image

ELLIPSE = np.array([[10, 20], [10, 40], [30, 40], [30, 20]], dtype=float)


@pytest.fixture
def viewer(make_napari_viewer, readers):
    return make_napari_viewer()


@pytest.fixture
def drop(viewer, qtbot):
    """Open a file as napari does when it is dragged onto the window; returns what is said then."""

    def drop(path):
        notification_manager.records.clear()
        viewer.window._qt_viewer._qt_open([str(path)], stack=False, plugin="napari-localdisc")
        qtbot.waitUntil(lambda: len(notification_manager.records) > 0, timeout=20_000)
        return [note.message for note in notification_manager.records]

    return drop


def docks(viewer):
    return set(viewer.window.dock_widgets)


def test_a_segmenter(viewer, drop, segmenter_file):
    assert drop(segmenter_file) == ["lungs.safetensors is in use: finds lungs."]
    assert session_of(viewer).segmenter.content == segmenter_file.read_bytes()
    assert docks(viewer) == {"Folder (Local discrimination)"}
    assert len(viewer.layers) == 0
    drop(segmenter_file)
    assert docks(viewer) == {"Folder (Local discrimination)"}


def test_a_prior(viewer, drop, tmp_path):
    save_prior(simulate("optic-cup", 3), tmp_path / "cup.safetensors")
    (said,) = drop(tmp_path / "cup.safetensors")
    assert "3 masks of neuroretinal-rim, optic-cup" in said
    assert session_of(viewer).chosen_prior.targets == ("neuroretinal-rim", "optic-cup")
    assert docks(viewer) == {"Find (Local discrimination)"}


def test_an_encoder(viewer, drop, encoder_file):
    assert drop(encoder_file) == ["tiny.safetensors is in use: phantoms."]
    assert session_of(viewer).encoder_name == str(encoder_file)
    assert session_of(viewer).encoder.card.name == "tiny"


@pytest.mark.parametrize("name", ["other.safetensors", "other.localdisc"])
def test_something_else(viewer, drop, tmp_path, name):
    (tmp_path / name).write_text("no such thing")
    (said,) = drop(tmp_path / name)
    assert name in said
    assert docks(viewer) == set()


class TestSession:
    @pytest.fixture
    def full(self, viewer, films, segmenter_file):
        """A viewer with everything that a session keeps."""
        (image,) = viewer.open(films / "1.png")
        image.scale, image.translate, image.rotate = (0.5, 0.25), (3, 4), 20
        labels = viewer.add_labels(np.eye(64, dtype=np.uint8), name="found", scale=(0.5, 0.25))
        labels.metadata[METADATA_KEY] = {"kind": "segmentation", "seed": 3}
        drawn = viewer.add_shapes([ELLIPSE], shape_type="ellipse", name="drawn")
        drawn.features = {"target": ["disc"]}
        session = session_of(viewer)
        session.prior = simulate("lungs", 3)
        session.segmenter = SegmenterFile.read(segmenter_file)
        session.settle(seed=5, quick=True, guide_images=7, every_plane=False)
        session.tick(image, ticked=False)
        return viewer

    @pytest.fixture
    def saved(self, full, tmp_path):
        path = tmp_path / "all.localdisc"
        full.layers.save(str(path), plugin="napari-localdisc")
        return path

    def test_everything_comes_back(self, full, saved, drop):
        before = full.layers["1"].data_to_world((5, 6))
        full.layers.clear()
        session = session_of(full)
        session.prior = session.segmenter = None
        session.settle(seed=0, quick=False, guide_images=40, every_plane=True)
        assert drop(saved) == ["all.localdisc is open."]
        assert [layer.name for layer in full.layers] == ["1", "drawn", "found"]
        np.testing.assert_allclose(full.layers["1"].data_to_world((5, 6)), before)
        found, drawn = full.layers["found"], full.layers["drawn"]
        assert isinstance(found, Labels)
        np.testing.assert_array_equal(found.data, np.eye(64))
        assert recipe_of(found) == {"kind": "segmentation", "seed": 3}
        assert isinstance(drawn, Shapes)
        assert drawn.shape_type == ["ellipse"]
        np.testing.assert_allclose(drawn.data[0], ELLIPSE)
        assert list(drawn.features["target"]) == ["disc"]
        assert len(session.chosen_prior) == 3
        assert session.segmenter.targets == ("lungs",)
        assert (session.settings.seed, session.settings.quick) == (5, True)
        assert (session.settings.guide_images, session.settings.every_plane) == (7, False)
        assert list(session.unticked) == [full.layers["1"]]

    def test_what_was_in_view_is_in_view_again(self, full, films, drop, tmp_path):
        (other,) = full.open(films / "2.png")
        full.add_layer(shapes_layer(full.layers["1"], "outline", ("disc",)))
        show_image(full, other)
        path = tmp_path / "view.localdisc"
        full.layers.save(str(path), plugin="napari-localdisc")
        full.layers.clear()
        drop(path)
        assert {layer.name for layer in full.layers if layer.visible} >= {"2"}
        assert not full.layers["1"].visible
        assert not full.layers["outline"].visible
        show_image(full, full.layers["1"])
        assert full.layers["outline"].visible
        assert not full.layers["2"].visible

    def test_a_prior_that_is_not_in_use_is_kept(self, full, drop, tmp_path):
        session = session_of(full)
        session.settle(prior="vessels")
        path = tmp_path / "kept.localdisc"
        full.layers.save(str(path), plugin="napari-localdisc")
        full.layers.clear()
        session.prior = None
        drop(path)
        assert session.chosen_prior == "vessels"
        assert len(session.prior) == 3

    def test_images_that_went_or_changed_are_named(self, full, saved, drop, films):
        full.layers.clear()
        (films / "2.png").replace(films / "1.png")
        assert any("has changed" in said for said in drop(saved))
        full.layers.clear()
        (films / "1.png").unlink()
        assert any("is gone" in said for said in drop(saved))
        assert [layer.name for layer in full.layers] == ["drawn", "found"]

    def test_a_session_moved_with_its_images(self, full, saved, drop, films, tmp_path):
        full.layers.clear()
        other = tmp_path / "other"
        films.replace(other)
        saved.replace(other / saved.name)
        assert drop(other / saved.name) == ["all.localdisc is open."]
        assert full.layers["1"].source.path == str(other / "1.png")

    def test_an_image_in_no_file_is_refused(self, full, tmp_path):
        full.add_image(np.zeros((16, 16)), name="made up")
        with pytest.raises(Exception, match="'made up' is in no file"):
            full.layers.save(str(tmp_path / "all.localdisc"), plugin="napari-localdisc")
        assert not (tmp_path / "all.localdisc").exists()

    @pytest.mark.parametrize("bad", ["drawing", "image", "device"])
    def test_all_of_it_is_opened_or_nothing(self, full, saved, drop, films, bad):
        """A part that cannot be shown leaves the table, and all that was chosen, as they were."""
        session = session_of(full)
        full.open(films / "2.png")
        full.layers.save(str(saved), plugin="napari-localdisc")
        if bad == "image":
            (films / "2.png").write_text("no image")
        else:
            with zipfile.ZipFile(saved) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
            record = json.loads(parts["session.json"])
            if bad == "drawing":
                record["drawings"][0]["shapes"][0]["corners"] = [[0, 0], [1, 1], [2, 2]]
            else:
                record["device"] = "nonsense"
                session.device_changed.connect(_refuse)
            parts["session.json"] = json.dumps(record).encode()
            with zipfile.ZipFile(saved, "w") as archive:
                for name, content in parts.items():
                    archive.writestr(name, content)
        full.layers.clear()
        session.prior = session.segmenter = None
        session.settle(seed=1)
        before = (session.settings, session.device, session.encoder_name)
        said = drop(saved)
        assert any("nothing of it was" in one for one in said)
        assert len(full.layers) == 0
        assert (session.settings, session.device, session.encoder_name) == before
        assert session.prior is session.segmenter is None


def _refuse(device: str) -> None:
    if device == "nonsense":
        raise ValueError("no such device")
