from __future__ import annotations

import doctest
from pathlib import PurePosixPath, PureWindowsPath

import pytest

from napari_localdisc.base import recorded_names
from napari_localdisc.base.recorded_names import stays_within


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "sub/deep/a b.nii.gz", "...", "a..b.png"])
def test_names_of_every_system(name: str):
    assert stays_within(name, PurePosixPath)
    assert stays_within(name, PureWindowsPath)


@pytest.mark.parametrize(
    "name",
    [
        "C:a.png", "C:/a.png", r"c:\a.png", r"\a.png", "/a.png", r"..\a.png", r"sub\..\..\a.png",
        "sub/../a.png", r"\\server\share\a.png", "//server/share/a.png", r"\\?\C:\a.png",
        r"\\.\PhysicalDrive0", "a.png:stream", "sub/a.png:stream",
    ],
)  # fmt: skip
def test_what_leads_away_on_windows(name: str):
    assert not stays_within(name, PureWindowsPath)


@pytest.mark.parametrize("name", ["/a.png", "../a.png", "sub/../../a.png", "//server/a.png"])
def test_what_leads_away_elsewhere(name: str):
    assert not stays_within(name, PurePosixPath)


def test_a_colon_is_a_sign_like_any_other_elsewhere():
    assert stays_within("A: scan.png", PurePosixPath)


def test_examples_in_docstrings():
    assert doctest.testmod(recorded_names).failed == 0
