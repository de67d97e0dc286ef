"""DICOM and NIfTI opened in napari: what is seen is what the command line sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest

from napari_localdisc.formats.images import read_image
from napari_localdisc.viewer.image_reader import get_reader
from tests.cases import case
from tests.corpus import CORPUS
from tests.corpus.dicoms import content_of, dataset
from tests.formats.test_dicom_series import PLANES, write_series

nibabel = pytest.importorskip("nibabel")

GREY = (np.arange(600, dtype=np.uint16) * 5).reshape(20, 30)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch):
    """Open a path in napari by the manifest's reader; returns its layer."""
    manager = PluginManager()
    manifest = Path(__file__).parents[2] / "napari_localdisc" / "napari.yaml"
    manager.register(PluginManifest.from_file(manifest))
    monkeypatch.setattr(PluginManager, "instance", lambda: manager)

    def read(path: Path):
        (layer,) = ViewerModel().open(str(path), plugin="napari-localdisc")
        return layer

    return read


def _units(layer) -> set[str]:
    return {str(unit) for unit in layer.units}


def test_a_film_is_windowed_bright_as_bright_and_in_millimetres(opened, tmp_path: Path):
    dark = dataset(GREY, "MONOCHROME1", 16, WindowCenter=1500, WindowWidth=1000)
    (tmp_path / "a.dcm").write_bytes(content_of(dark))
    layer = opened(tmp_path / "a.dcm")
    np.testing.assert_array_equal(layer.data, read_image(tmp_path / "a.dcm").pixels)
    assert layer.data[0, 0] > layer.data[-1, -1]
    assert tuple(layer.scale) == (0.25, 0.5)
    assert _units(layer) == {"millimeter"}


def test_a_film_without_spacing_is_in_pixels(opened, tmp_path: Path):
    data = dataset(GREY, bits=16)
    del data.PixelSpacing
    (tmp_path / "a.dcm").write_bytes(content_of(data))
    layer = opened(tmp_path / "a.dcm")
    assert tuple(layer.scale) == (1, 1)
    assert _units(layer) == {"pixel"}


def test_a_photograph_is_in_colour(opened, tmp_path: Path):
    layer = opened(CORPUS["dicom rgb"].make(tmp_path))
    assert layer.rgb


def test_a_folder_with_a_series_is_a_volume(opened, tmp_path: Path):
    layer = opened(write_series(tmp_path / "ct"))
    np.testing.assert_array_equal(layer.data, PLANES)
    np.testing.assert_allclose(layer.scale, (2.5, 0.25, 0.5))
    assert _units(layer) == {"millimeter"}


@pytest.mark.parametrize(
    ("sizes", "unit", "scale"),
    [
        ((0.5, 0.25, 3), "mm", (3, 0.25, 0.5)),
        ((3, 0.25, 0.5), "mm", (3, 0.5, 0.25)),
        ((500, 250, 3000), "micron", (3, 0.25, 0.5)),
        ((0.5, 0.25, 3), "unknown", (3, 0.25, 0.5)),
    ],
)
def test_a_nifti_volume_has_its_voxels(opened, tmp_path: Path, sizes, unit, scale):
    image = nibabel.Nifti1Image(np.zeros((20, 21, 22), np.uint8), np.diag([*sizes, 1]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii.gz")
    layer = opened(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(layer.scale, scale)
    assert layer.data.shape == read_image(tmp_path / "a.nii.gz").extent


def test_a_flat_nifti_image_has_two_axes(opened, tmp_path: Path):
    image = nibabel.Nifti1Image(np.zeros((20, 30), np.uint8), np.diag([0.5, 0.25, 1, 1]))
    nibabel.save(image, tmp_path / "a.nii")
    layer = opened(tmp_path / "a.nii")
    np.testing.assert_allclose(layer.scale, (0.25, 0.5))


def test_other_files_and_folders_are_left_to_other_readers(tmp_path: Path):
    PIL.Image.new("L", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "a.dcm").write_bytes((tmp_path / "a.png").read_bytes())
    assert get_reader(str(tmp_path / "a.png")) is None
    assert get_reader(str(tmp_path / "a.dcm")) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(tmp_path / "a.png")]) is None


@pytest.mark.parametrize("name", ["d_ok.dcm", "d_mono1.dcm", "n_ok.nii.gz"])
def test_09_films_are_opened_as_they_are_segmented(opened, name: str):
    layer = opened(case(9) / name)
    np.testing.assert_array_equal(layer.data, read_image(case(9) / name).pixels)


def test_09_dark_for_bright_is_the_same_picture(opened):
    bright, dark = (opened(case(9) / name).data for name in ("d_ok.dcm", "d_mono1.dcm"))
    assert np.corrcoef(bright.ravel(), dark.ravel())[0, 1] > 0.99
