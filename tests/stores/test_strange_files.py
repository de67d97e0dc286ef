"""Encoder and segmenter files from strangers: loaded or refused, and nothing else happens."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.stores.segmenters import load_segmenter
from tests.corpus.models import broken, broken_segmenters, with_card

MOST = 200_000
"""kB that a refusal may take beyond what is taken already."""


def _refused(load, path: Path) -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LocaldiscError) as caught:
        load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST
    line = str(caught.value)
    assert str(path) in line
    assert line.isprintable()
    return line


def test_every_broken_encoder_is_refused(tmp_path: Path, encoder_file: Path):
    trace, path = tmp_path / "trace", tmp_path / "x.safetensors"
    for kind, content in broken(encoder_file.read_bytes(), trace).items():
        path.write_bytes(content)
        assert _refused(load_encoder, path), kind
        assert not trace.exists(), kind


def test_every_broken_segmenter_is_refused(tmp_path: Path, segmenter_file: Path):
    trace, path, whole = tmp_path / "trace", tmp_path / "x.safetensors", segmenter_file.read_bytes()
    for kind, content in (broken(whole, trace) | broken_segmenters(whole)).items():
        path.write_bytes(content)
        assert _refused(load_segmenter, path), kind
        assert not trace.exists(), kind


def test_the_limit_is_named_and_can_be_raised(
    tmp_path: Path, segmenter_file: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "wide.safetensors"
    path.write_bytes(with_card(segmenter_file.read_bytes(), size=4096))
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", "1000000")
    line = _refused(load_segmenter, path)
    needed = line.rstrip(".").split("LOCALDISC_MAX_PIXELS=")[1]
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", needed)
    assert load_segmenter(path).card.size == 4096


def test_warnings_in_a_recipe_are_lines_of_text(segmenter_file: Path, tmp_path: Path):
    path = tmp_path / "x.safetensors"
    for told, lines in (([1, "low\x1b[31m"], ("low\\x1b[31m",)), (7, ()), ("word", ())):
        path.write_bytes(with_card(segmenter_file.read_bytes(), recipe={"warnings": told}))
        assert load_segmenter(path).warnings == lines
