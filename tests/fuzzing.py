"""Parsers of files, seeds for them, and blind mutations; coverage guides `benchmarks/fuzz.py`."""

from __future__ import annotations

import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.pretraining.training_state import TrainingState
from napari_localdisc.datasets.classes import read_classes
from napari_localdisc.datasets.set_list import choose_sets, read_sets
from napari_localdisc.formats.images import mask_suffix, read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.stores.checkpoints import CheckpointFile, Interval
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.stores.session_files import SessionRecord, read_session
from napari_localdisc.stores.transfer_cells import COLUMNS, CellStore
from tests.corpus import CORPUS
from tests.corpus.models import parts_of, with_header

_EDGES = (0, 1, 127, 128, 255, 2**15 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes
    ----------
    name : str
        Of the file that it is given.
    parse : callable
        Reads a file; only `LocaldiscError` may come of it.
    seeds : callable
        Good files to start from.
    """

    name: str
    parse: Callable[[Path], object]
    seeds: Callable[[Path], list[bytes]]

    def run(self, content: bytes, folder: Path) -> bool:
        """Parse a content in a folder; True if it was taken, False if refused."""
        path = folder / self.name
        path.write_bytes(content)
        try:
            self.parse(path)
        except LocaldiscError as error:
            line = str(error)
            assert line.isprintable(), line
            assert str(folder) in line, line
            return False
        return True


def _image(path: Path) -> None:
    suffix = mask_suffix(path)
    image = read_image(path)
    mask = write_mask(np.ones(image.extent, np.uint8), path.parent / "mask", image, True)
    assert mask.name == f"mask{suffix}"
    assert read_mask(mask, may_be_stack=True).shape == image.extent


def _words(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    for parse in (Interval.parse, lambda word: choose_sets([word], [word], [], 256)):
        with suppress(LocaldiscError):
            parse(text)


def _checkpoint(path: Path) -> None:
    state = CheckpointFile(path, Interval()).load()
    assert state is not None


def _cells(path: Path) -> None:
    assert CellStore(path.parent, {}).scores is not None


def _from_corpus(word: str, most: int) -> Callable[[Path], list[bytes]]:
    def seeds(folder: Path) -> list[bytes]:
        found = []
        for number, (name, case) in enumerate(CORPUS.items()):
            if name.startswith(word) and case.truth is not None:
                (folder / str(number)).mkdir()
                content = case.make(folder / str(number)).read_bytes()
                found += [content] if len(content) < 40_000 else []
        return found[:most]

    return seeds


def _weights(kind: str) -> Callable[[Path], list[bytes]]:
    def seeds(folder: Path) -> list[bytes]:
        from napari_localdisc.core.encoder.card import EncoderCard
        from napari_localdisc.core.encoder.encoder import Encoder, save_encoder

        card = EncoderCard(
            name="tiny", modality="x", channels=1, scales=(), widths=(2, 2), embedding_dim=2,
            clusters=2, working_size=64,
        )  # fmt: skip
        encoder = Encoder(card, card.build().eval())
        path = folder / "seed.safetensors"
        if kind == "encoder":
            save_encoder(encoder, path)
        elif kind == "segmenter":
            _save_segmenter(encoder, path)
        else:
            plain = {"dict": [["a", {"tensor": "a"}], ["b", [1, 2]]]}
            state = TrainingState({"seed": 1}, 3, 1.5, plain, {"a": torch.ones(2)})
            CheckpointFile(path, Interval()).save(state)
        return [path.read_bytes()]

    return seeds


def _save_segmenter(encoder: object, path: Path) -> None:
    from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
    from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
    from napari_localdisc.core.segmenter.card import SegmenterCard
    from napari_localdisc.core.segmenter.segmenter import Segmenter
    from napari_localdisc.stores.segmenters import save_segmenter

    rule = ShapeStatistics(width=30, area=0.2, density=0.9, parts=1, smallest=0.01, solid=True)
    card = SegmenterCard(
        encoder=encoder.card, targets=("a",), size=32, thresholds=(0.5,), rules=(rule,),
    )  # fmt: skip
    save_segmenter(Segmenter(card, SegmentationNet.of(encoder.card, 1)), path)


@cache
def _whole(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return _weights(kind)(Path(folder))[0]


def _card_of(kind: str, load: Callable[[Path], object]) -> Target:
    """A parser of the text in a file's header, the rest of the file being good."""

    def parse(path: Path) -> object:
        text = path.read_bytes().decode("utf-8", "replace")

        def change(header: dict[str, Any]) -> None:
            header["__metadata__"]["header"] = text

        path.write_bytes(with_header(_whole(kind), change))
        return load(path)

    def seeds(_: Path) -> list[bytes]:
        return [parts_of(_whole(kind))[0]["__metadata__"]["header"].encode()]

    return Target("a.safetensors", parse, seeds)


def _archive(folder: Path) -> list[bytes]:
    """A session with every part, stored so that changes reach them."""
    from napari_localdisc.core.priors.prior import Prior
    from napari_localdisc.stores import session_files as files
    from napari_localdisc.stores.segmenter_files import SegmenterFile

    (folder / "a.safetensors").write_bytes(_whole("segmenter"))
    segmenter = SegmenterFile.read(folder / "a.safetensors")
    place = files.Place(
        scale=(1, 1), translate=(0, 0), rotate=((1, 0), (0, 1)), shear=(0,),
        affine=((1, 0, 0), (0, 1, 0), (0, 0, 1)), units=("pixel",) * 2, axis_labels=("y", "x"),
    )  # fmt: skip
    record = files.SessionRecord(
        images=(files.ImageRecord(name="a", path="/a.png", nth=0, sha256="", place=place),),
        labels=(files.LabelsRecord(name="a", opacity=1, place=place, recipe={}),),
        made_with={},
    )
    prior = Prior("a", ("a",), np.ones((2, 1, 8, 8), bool))
    saved = files.SavedSession(record, prior, segmenter, [np.ones((9, 9), np.uint8)])
    files.write_session(saved, folder / "a.localdisc")
    with (
        zipfile.ZipFile(folder / "a.localdisc") as packed,
        zipfile.ZipFile(folder / "b.localdisc", "w") as stored,
    ):
        for name in packed.namelist():
            stored.writestr(name, packed.read(name))
    return [(folder / f"{name}.localdisc").read_bytes() for name in "ab"]


def _record(path: Path) -> object:
    """Parse a record, the rest of the archive being good."""
    text = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.json", text)
        archive.writestr("labels/0.npy", _LABELS)
    return read_session(path)


def _part_of(name: str) -> Target:
    """A parser of one part of a session; archives have checksums that no blind change meets."""

    @cache
    def whole() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "whole.localdisc"
            path.write_bytes(_archive(Path(folder))[0])
            with zipfile.ZipFile(path) as archive:
                return {one: archive.read(one) for one in archive.namelist()}

    def parse(path: Path) -> object:
        parts = {**whole(), name: path.read_bytes()}
        with zipfile.ZipFile(path, "w") as archive:
            for one, content in parts.items():
                archive.writestr(one, content)
        return read_session(path)

    return Target("a.localdisc", parse, lambda _: [whole()[name]])


_LABELS = b"\x93NUMPY\x01\x00v\x00" + (
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }".ljust(117) + b"\n" + bytes(4)
)

_TABLE = "file,class\na.png,ill\nb.png,well\n"
_ROW = "drive,random,all,0,20,0.75,0.01,10,3.0,cpu"
_SETS = '[drive]\nimages = "a"\nmasks = "b"\nsize = 256\ntrain = 0.5\n[x]\nimages="c"\nmasks="d"\n'

TARGETS: dict[str, Target] = {
    "picture": Target("a.png", _image, _from_corpus("png", 20)),
    "jpeg": Target("a.jpg", _image, _from_corpus("jpeg", 8)),
    "tiff": Target("a.tif", _image, _from_corpus("tiff", 60)),
    "nifti": Target("a.nii.gz", _image, _from_corpus("nifti", 12)),
    "dicom": Target("a.dcm", _image, _from_corpus("dicom", 30)),
    "encoder": Target("a.safetensors", load_encoder, _weights("encoder")),
    "segmenter": Target("a.safetensors", load_segmenter, _weights("segmenter")),
    "checkpoint": Target("a.safetensors", _checkpoint, _weights("checkpoint")),
    "encoder card": _card_of("encoder", load_encoder),
    "segmenter card": _card_of("segmenter", load_segmenter),
    "checkpoint header": _card_of("checkpoint", _checkpoint),
    "session": Target("a.localdisc", read_session, _archive),
    "session record": Target(
        "a.localdisc", _record, lambda _: [SessionRecord(made_with={}).model_dump_json().encode()]
    ),
    "session map": _part_of("labels/0.npy"),
    "session prior": _part_of("prior.safetensors"),
    "session segmenter": _part_of("segmenter.safetensors"),
    "sets": Target("a.toml", read_sets, lambda _: [_SETS.encode()]),
    "classes": Target(
        "a.csv",
        lambda path: read_classes(str(path), [path.parent / "a.png"]),
        lambda _: [_TABLE.encode()],
    ),
    "cells": Target("cells.csv", _cells, lambda _: [f"{','.join(COLUMNS)}\n{_ROW}\n".encode()]),
    "settings": Target("settings.json", _cells, lambda _: [b'{"settings": {"a": [1, "x"]}}']),
    "words": Target("a.txt", _words, lambda _: [b"90s", b"200", b"drive=images:masks:fov"]),
}


def mutations(seeds: list[bytes], rng: np.random.Generator) -> Iterator[bytes]:
    """Change good files without end, as chance has it: a few bytes, numbers, ends and blocks."""
    while True:
        content = bytearray(seeds[rng.integers(len(seeds))])
        for _ in range(rng.integers(1, 6)):
            if len(content) > 8:
                _change(content, seeds, rng)
        yield bytes(content)


def _change(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    # Headers, where what matters is, are short: half of all changes go there.
    end = len(content) if rng.random() < 0.5 else min(len(content), 400)
    place, kind = int(rng.integers(end - 4)), rng.integers(6)
    if kind == 0:
        content[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        content[place] = int(rng.integers(256))
    elif kind == 2:
        form = ("<I", ">I", "<H", ">H")[rng.integers(4)]
        number = int(rng.choice(_EDGES)) & (0xFFFFFFFF if "I" in form else 0xFFFF)
        struct.pack_into(form, content, place, number)
    elif kind == 3:
        del content[place : place + int(rng.integers(1, 40))]
    elif kind == 4:
        content[place:place] = content[place : place + int(rng.integers(1, 40))]
    else:
        other = seeds[rng.integers(len(seeds))]
        start = int(rng.integers(len(other)))
        content[place : place + 16] = other[start : start + 16]


def blind(name: str, count: int, seed: int = 0) -> tuple[int, int]:
    """Parse mutated files; return how many were taken and how many refused."""
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "seeds").mkdir()
        seeds = target.seeds(Path(folder) / "seeds")
        stream = mutations(seeds, np.random.default_rng(seed))
        taken = sum(target.run(next(stream), Path(folder)) for _ in range(count))
    return taken, count - taken
