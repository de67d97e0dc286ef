"""NRRD and MetaImage: read as NIfTI is, with masks in the same place."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import Image, mask_suffix, read_image, write_mask
from napari_localdisc.viewer.image_reader import read_layers

itk = pytest.importorskip("SimpleITK")
nibabel = pytest.importorskip("nibabel")

VOLUME = np.random.default_rng(0).integers(0, 900, (5, 20, 30), np.int16)
TURNED = (1.0, 0.0, 0.0, 0.0, 0.8, -0.6, 0.0, 0.6, 0.8)


def _saved(path: Path, pixels: np.ndarray = VOLUME, turned: bool = False, **options: bool) -> Path:
    image = itk.GetImageFromArray(pixels, **options)
    image.SetSpacing((0.5, 0.25, 3)[: image.GetDimension()])
    image.SetOrigin((-10, 20, 30)[: image.GetDimension()])
    if turned:
        image.SetDirection(TURNED)
    itk.WriteImage(image, str(path))
    return path


def _as_nifti(path: Path) -> Image:
    """What NIfTI makes of the same image."""
    other = path.with_name(f"{path.stem}-same.nii")
    itk.WriteImage(itk.ReadImage(str(path)), str(other))
    return read_image(other)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.odd"])
def test_a_volume_is_what_it_is_as_nifti(tmp_path: Path, name: str, turned: bool):
    kind = name.replace("odd", "nrrd")
    path = _saved(tmp_path / kind, turned=turned).rename(tmp_path / name)
    image = read_image(path)
    if name != "a.odd":
        np.testing.assert_array_equal(image.pixels, _as_nifti(path).pixels)
    assert image.extent == (5, 20, 30)
    assert image.geometry.spacing == pytest.approx((3, 0.25, 0.5))
    assert mask_suffix(path) == ".nii.gz"


@pytest.mark.parametrize("turned", [False, True])
def test_a_mask_lies_where_its_image_lies(tmp_path: Path, turned: bool):
    path = _saved(tmp_path / "a.nrrd", turned=turned)
    image = read_image(path)
    labels = (np.asarray(image.pixels[..., 0]) > 400).astype(np.uint8)
    mask = itk.ReadImage(str(write_mask(labels, tmp_path / "mask", image, False)))
    source = itk.ReadImage(str(path))
    np.testing.assert_array_equal(itk.GetArrayFromImage(mask) > 0, VOLUME > 400)
    for told in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(mask, told)() == pytest.approx(getattr(source, told)(), abs=1e-5)


def test_a_flat_image(tmp_path: Path):
    image = read_image(_saved(tmp_path / "a.mha", VOLUME[0]))
    np.testing.assert_array_equal(image.pixels, VOLUME[0])
    (layer,) = read_layers(str(tmp_path / "a.mha"))
    assert layer[1]["scale"] == pytest.approx((0.25, 0.5))


def test_what_is_no_grey_volume_is_refused(tmp_path: Path):
    colour = np.stack([VOLUME[0]] * 3, axis=-1)
    with pytest.raises(LocaldiscError, match="3 values a pixel"):
        read_image(_saved(tmp_path / "a.nrrd", colour, isVector=True))


@pytest.mark.parametrize(("name", "word"), [("a.nhdr", "nrrd"), ("a.mhd", "mha")])
def test_a_header_that_names_another_file_is_not_followed(tmp_path: Path, name: str, word: str):
    path = _saved(tmp_path / name).rename(tmp_path / f"b.{word}")
    with pytest.raises(LocaldiscError, match="keeps its pixels in another file"):
        read_image(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_a_torn_file_is_one_line(tmp_path: Path, name: str, share: float):
    path = _saved(tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(LocaldiscError, match=f"{name} is"):
        read_image(path)


def test_what_says_that_it_is_huge_is_refused(tmp_path: Path):
    path = _saved(tmp_path / "a.mha")
    content = path.read_bytes().replace(b"DimSize = 30 20 5", b"DimSize = 30000 20000 5000")
    path.write_bytes(content)
    with pytest.raises(LocaldiscError, match="LOCALDISC_MAX_PIXELS"):
        read_image(path)


def test_without_its_library_the_install_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = _saved(tmp_path / "a.nrrd")
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(LocaldiscError, match=r"pip install 'napari-localdisc\[itk\]'"):
        read_image(path)
