"""Which format a file is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from napari_localdisc.formats.dicom.reading import Dicom
from napari_localdisc.formats.format import Format
from napari_localdisc.formats.napari_readers import NapariReaders
from napari_localdisc.formats.nifti import Nifti
from napari_localdisc.formats.raster import Raster
from napari_localdisc.formats.registry import FORMATS, SUFFIXES, format_of, is_image_file
from napari_localdisc.formats.tiff import Tiff

PIXELS = np.arange(600, dtype=np.uint8).reshape(20, 30)


def test_no_ending_is_of_two_formats():
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


@pytest.mark.parametrize("one", [one for one in FORMATS if one.suffixes])
def test_what_is_not_there_goes_by_its_name(one: Format, tmp_path: Path):
    for suffix in one.suffixes:
        assert format_of(tmp_path / f"a.B{suffix.upper()}") is one


def test_content_comes_before_the_name(tmp_path: Path):
    path = tmp_path / "a.dcm"
    PIL.Image.fromarray(PIXELS).save(path, format="PNG")
    assert isinstance(format_of(path), Raster)
    tifffile.imwrite(path, PIXELS)
    assert isinstance(format_of(path), Tiff)


def test_a_name_comes_before_a_trial(tmp_path: Path):
    path = tmp_path / "a.nii"
    PIL.Image.fromarray(PIXELS).save(path, format="WebP")
    assert isinstance(format_of(path), Nifti)
    assert isinstance(format_of(path.rename(tmp_path / "a.odd")), Raster)
    (tmp_path / "b.odd").write_text("no picture")
    assert isinstance(format_of(tmp_path / "b.odd"), NapariReaders)


def test_dicom_that_begins_like_tiff_is_dicom(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"II*\0".ljust(128, b"\0") + b"DICM")
    assert isinstance(format_of(path), Dicom)
    assert is_image_file(path)
    path.write_bytes(b"II*\0".ljust(132, b"\0"))
    assert isinstance(format_of(path), Tiff)
    assert not is_image_file(path)
