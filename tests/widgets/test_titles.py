"""A run is called after what it does and the image that it does it to."""

from __future__ import annotations

import pytest
from napari.utils.progress import progress

from napari_localdisc.core.priors import simulate
from napari_localdisc.widgets.panels.clusters import ClustersPanel
from napari_localdisc.widgets.panels.encoder import EncoderPanel
from napari_localdisc.widgets.panels.folder import PRIOR, FolderPanel
from napari_localdisc.widgets.panels.guided import FOLDER, GuidedPanel
from napari_localdisc.widgets.panels.priors import DRAWN, PriorsPanel
from napari_localdisc.widgets.panels.priors import FOLDER as MASKS


@pytest.fixture
def image(viewer, xrays):
    return viewer.add_image(xrays[0], name="chest")


@pytest.fixture
def title_of_run(qtbot, click):
    def title_of_run(panel):
        # The bar of the run before goes a little later than that run.
        qtbot.waitUntil(lambda: not progress._all_instances)
        click(panel.run_row.button)
        (bar,) = progress._all_instances
        assert bar.desc == panel.run_row.title.text()
        return bar.desc

    return title_of_run


def test_clusters(open_panel, viewer, session, image, title_of_run):
    assert title_of_run(open_panel(ClustersPanel, viewer)) == "Clusters: chest"


def test_guided_on_one_image(open_panel, viewer, session, image, title_of_run):
    session.prior = simulate("lungs", count=4, size=64)
    panel = open_panel(GuidedPanel, viewer)
    assert title_of_run(panel) == "Looking for lungs in chest"


def test_guided_on_a_stack(open_panel, viewer, session, xrays, title_of_run):
    viewer.add_image(xrays, name="stack")
    session.prior = simulate("lungs", count=4, size=64)
    panel = open_panel(GuidedPanel, viewer)
    assert title_of_run(panel) == "Looking for lungs in 3 images"


def test_guided_on_a_folder(open_panel, viewer, session, films, title_of_run):
    session.prior = simulate("lungs", count=4, size=64)
    panel = open_panel(GuidedPanel, viewer)
    panel.source.value = FOLDER
    panel.folder.value = films
    assert title_of_run(panel) == "Looking for lungs in 3 images"


def test_folder(open_panel, viewer, session, films, title_of_run, tmp_path):
    panel = open_panel(FolderPanel, viewer)
    panel.input.value, panel.output.value = films, tmp_path / "results"
    panel.method.value = PRIOR
    session.settle(prior="lungs")
    assert title_of_run(panel) == "Folder: films"


def test_encoder_by_name(open_panel, viewer, session, image, title_of_run):
    panel = open_panel(EncoderPanel, viewer)
    assert title_of_run(panel) == "Loading encoder tiny.safetensors"


def test_encoder_by_image(open_panel, viewer, session, image, title_of_run):
    session.encoder_name = "auto"
    assert title_of_run(open_panel(EncoderPanel, viewer)) == "Loading encoder for chest"


def test_simulated_masks(open_panel, viewer, session, title_of_run):
    panel = open_panel(PriorsPanel, viewer)
    panel.ready_made.structure.value = "lungs"
    assert title_of_run(panel) == "Reference masks: lungs"


def test_drawn_masks(open_panel, viewer, session, image, click, title_of_run):
    panel = open_panel(PriorsPanel, viewer)
    panel.source.value = DRAWN
    panel.drawn.structure.value = "lung"
    click(panel.drawn.start)
    viewer.layers[-1].add([[10, 20], [10, 40], [30, 40], [30, 20]], shape_type="ellipse")
    assert title_of_run(panel) == "Reference masks: lung on chest"


def test_masks_of_a_folder(open_panel, viewer, session, films, title_of_run):
    panel = open_panel(PriorsPanel, viewer)
    panel.source.value = MASKS
    panel.folder.value = films
    assert title_of_run(panel) == "Reference masks: films"
