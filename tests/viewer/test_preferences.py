from __future__ import annotations

import pytest
from napari.components import ViewerModel
from napari.settings import get_plugin_settings
from npe2 import PluginManifest

from napari_localdisc.viewer.preferences import Preferences, preferences
from napari_localdisc.viewer.session import session_of


@pytest.fixture
def settings(plugin_settings, npe2pm):
    """What a user sees on the preferences page, of the real manifest."""
    npe2pm.register(PluginManifest.from_distribution("napari-localdisc"))
    return get_plugin_settings("napari-localdisc")


def test_the_manifest_declares_what_the_code_falls_back_to(settings):
    assert preferences() == Preferences()


def test_without_the_plugin_registered(plugin_settings):
    assert preferences() == Preferences()


def test_changes_count_from_the_next_window_on(settings):
    settings.runs.device = "cpu"
    settings.runs.guide_images = 7
    settings.runs.opacity = 0.8
    assert preferences() == Preferences("cpu", 7, 0.8)
    viewer = ViewerModel()
    assert session_of(viewer).device == "cpu"


@pytest.mark.parametrize(("name", "bad"), [("device", "abacus"), ("guide_images", 0)])
def test_nonsense_is_refused(settings, name, bad):
    with pytest.raises(ValueError, match=name):
        setattr(settings.runs, name, bad)
