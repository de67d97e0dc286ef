"""Folders that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.base.atomic import replacing_folder, sweep
from napari_localdisc.base.errors import LocaldiscError
from tests.conftest import little_space


def _fill(path: Path, text: str) -> None:
    with replacing_folder(path) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / text).write_text(text)


def _names(path: Path) -> list[str]:
    return sorted(part.name for part in path.rglob("*"))


def test_the_new_takes_the_place_of_the_old(tmp_path: Path):
    for text in ("old", "new"):
        _fill(tmp_path / "above" / "a", text)
    assert _names(tmp_path) == ["a", "above", "new", "sub"]


def test_what_fails_leaves_the_old_and_no_part(tmp_path: Path):
    _fill(tmp_path / "a", "old")
    with pytest.raises(ZeroDivisionError), replacing_folder(tmp_path / "a") as folder:
        (folder / "torn").write_text("x")
        raise ZeroDivisionError
    with little_space(10), pytest.raises(LocaldiscError, match="cannot write"):
        _fill(tmp_path / "a", "x" * 100)
    assert _names(tmp_path) == ["a", "old", "sub"]


def test_a_link_in_its_place_is_replaced_not_followed(tmp_path: Path):
    _fill(tmp_path / "theirs", "old")
    (tmp_path / "a").symlink_to(tmp_path / "theirs")
    _fill(tmp_path / "a", "new")
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "theirs" / "sub" / "old").is_file()


def test_what_a_kill_leaves_is_swept(tmp_path: Path):
    left = tmp_path / ".a.ome.zarr.abcd1234.part"
    (left / "sub").mkdir(parents=True)
    other = tmp_path / ".b.ome.zarr.abcd1234.part"
    other.mkdir()
    sweep([tmp_path / "a.ome.zarr"])
    assert (left.exists(), other.exists()) == (False, True)
