from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image
from npe2 import PluginManifest

import napari_localdisc
from napari_localdisc.viewer.samples import fundus_phantoms, retina_photograph, xray_phantoms

MANIFEST = Path(napari_localdisc.__file__).with_name("napari.yaml")


@pytest.mark.parametrize(
    ("sample", "ndim", "rgb"),
    [(xray_phantoms, 3, False), (fundus_phantoms, 3, True), (retina_photograph, 2, True)],
)
def test_samples_open_as_images(sample, ndim, rgb):
    ((data, arguments, kind),) = sample()
    image = Image(data, **arguments)
    assert kind == "image"
    assert image.ndim == ndim
    assert image.rgb is rgb
    assert np.ptp(data) > 100


class TestManifest:
    @pytest.fixture
    def manifest(self):
        return PluginManifest.from_file(MANIFEST)

    def test_it_is_ours(self, manifest):
        assert manifest.name == "napari-localdisc"

    def test_every_command_can_be_imported(self, manifest):
        manifest.validate_imports()
