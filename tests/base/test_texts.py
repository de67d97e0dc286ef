from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_localdisc.base import texts
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.datasets.classes import read_classes
from napari_localdisc.datasets.set_list import read_sets
from napari_localdisc.stores.transfer_cells import CellStore

DEEP = "[" * 100_000 + "]" * 100_000

READERS: dict[str, Callable[[Path], object]] = {
    "sets.toml": read_sets,
    "classes.csv": lambda path: read_classes(str(path), [Path("a.png")]),
    "settings.json": lambda path: CellStore(path.parent, {}),
    "cells.csv": lambda path: CellStore(path.parent, {}),
}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


BAD: dict[str, Callable[[Path], object]] = {
    "nested deeply": lambda path: path.write_text(
        f"a = {DEEP}" if path.suffix == ".toml" else DEEP
    ),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "a null": lambda path: path.write_text("null"),
    "a list": lambda path: path.write_text("[1, 2]"),
    "larger than the limit": lambda path: path.write_bytes(b" " * 2000),
    "a pipe": _pipe,
    "a folder": Path.mkdir,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("name", READERS)
def test_texts_of_ours_from_strangers_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, spoil: Callable[[Path], object]
):
    monkeypatch.setattr(
        texts, "MOST_BYTES", 1000 if spoil is BAD["larger than the limit"] else 2**26
    )
    spoil(tmp_path / name)
    with pytest.raises(LocaldiscError, match=name) as caught:
        READERS[name](tmp_path / name)
    assert str(caught.value).isprintable()
