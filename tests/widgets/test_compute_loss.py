"""A window goes on when the process that computes for it dies."""

from __future__ import annotations

import os
import signal

import numpy as np
import PIL.Image
import pytest
from napari.layers import Image, Labels, Shapes

from napari_localdisc.compute.client import compute_process
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.viewer.session import session_of

ELLIPSE = np.array([[10, 10], [10, 40], [50, 40], [50, 10]])


@pytest.fixture
def viewer(make_napari_viewer, encoder_file):
    viewer = make_napari_viewer(show=True)
    session = session_of(viewer)
    session.encoder_name, session.device = str(encoder_file), "cpu"
    session.settle(prior="lungs")
    for seed in range(2):
        viewer.add_image(xray_phantom(seed, 64).image, name=f"film {seed}")
    return viewer


@pytest.fixture
def work(viewer):
    """What a person has drawn and corrected; returns a check that it is still there."""
    corrected = viewer.add_labels(np.eye(64, dtype=np.uint8), name="corrected")
    drawn = viewer.add_shapes([ELLIPSE], shape_type="ellipse", name="drawn")

    def is_there():
        np.testing.assert_array_equal(viewer.layers["corrected"].data, np.eye(64))
        np.testing.assert_array_equal(viewer.layers["drawn"].data[0], ELLIPSE)
        assert corrected in viewer.layers
        assert drawn in viewer.layers
        assert {type(layer) for layer in viewer.layers} >= {Image, Labels, Shapes}

    return is_there


def guided(dock_panel, viewer, effort, tmp_path):
    panel = dock_panel(viewer, "Find")
    panel.effort = effort.model_copy(update={"refine_steps": 3000})
    return panel, lambda: setattr(panel, "effort", effort)


def folder(dock_panel, viewer, effort, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    for seed in range(40):
        PIL.Image.fromarray(xray_phantom(seed % 3, 256).image).save(films / f"{seed}.png")
    panel = dock_panel(viewer, "Folder")
    panel.input.value, panel.output.value = films, tmp_path / "masks"
    return panel, lambda: None


def embedding(dock_panel, viewer, effort, tmp_path):
    viewer.add_image(np.tile(xray_phantom(0, 512).image, (4, 4)), name="large")
    panel = dock_panel(viewer, "Clusters")
    panel.count.setValue(30)
    return panel, lambda: viewer.layers.remove("large")


def stages_of(panel):
    """Stages that a panel has been told of."""
    stages = []
    panel.run_row.runner.progressed.connect(lambda event: stages.append(event.stage))
    return stages


@pytest.mark.parametrize("job", [guided, folder, embedding])
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_it_says_what_happened_keeps_everything_and_runs_again(
    viewer, work, dock_panel, click, finish, notes, effort, tmp_path, qtbot, job, number
):
    panel, make_short = job(dock_panel, viewer, effort, tmp_path)
    stages = stages_of(panel)
    click(panel.run_row.button)
    wanted = {guided: "refine", folder: "segment", embedding: "embed"}[job]
    qtbot.waitUntil(lambda: wanted in stages, timeout=60_000)
    os.kill(compute_process().pid, number)
    finish(panel)
    said = panel.run_row.status.text()
    assert said.startswith("the process that computes ended (SIG")
    assert "as they were" in said
    assert [note.message for note in notes if "the process that computes" in note.message] == [said]
    work()

    make_short()
    click(panel.run_row.button)
    finish(panel, 60_000)
    assert "the process that computes" not in panel.run_row.status.text()
    work()


def test_those_that_wait_run_all_the_same(
    viewer, dock_panel, click, finish, effort, tmp_path, qtbot
):
    first, _ = guided(dock_panel, viewer, effort, tmp_path)
    second = dock_panel(viewer, "Clusters")
    stages = stages_of(first)
    click(first.run_row.button)
    qtbot.waitUntil(lambda: "refine" in stages, timeout=60_000)
    click(second.run_row.button)
    waiting = "Waiting for guided segmentation of lungs"
    qtbot.waitUntil(lambda: waiting in second.run_row.status.text())
    os.kill(compute_process().pid, signal.SIGKILL)
    finish(first)
    finish(second, 60_000)
    assert any(layer.name.endswith("clusters") for layer in viewer.layers)


def test_unloading_ends_the_process_and_what_runs(
    viewer, dock_panel, click, finish, effort, tmp_path, qtbot
):
    guide, _ = guided(dock_panel, viewer, effort, tmp_path)
    encoder = dock_panel(viewer, "Encoder")
    click(encoder.run_row.button)
    finish(encoder)
    assert "tiny" in encoder.card.text()
    stages = stages_of(guide)
    click(guide.run_row.button)
    qtbot.waitUntil(lambda: "refine" in stages, timeout=60_000)
    click(encoder.unload_button)
    finish(guide)
    qtbot.waitUntil(lambda: compute_process().pid is None)
    assert "No encoder is in memory" in encoder.card.text()
