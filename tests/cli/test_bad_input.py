"""Whatever is wrong with what is given: one line that names it, exit code 2, nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from tests.conftest import little_space


@pytest.fixture
def place(tmp_path: Path, xray_files: list[Path], segmenter_file: Path, encoder_file: Path) -> Path:
    """A folder with one of everything that can be wrong."""
    shutil.copy(xray_files[0], tmp_path / "good.png")
    shutil.copy(segmenter_file, tmp_path / "segmenter.safetensors")
    shutil.copy(encoder_file, tmp_path / "encoder.safetensors")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "zero.png").touch()
    (tmp_path / "half.png").write_bytes(xray_files[0].read_bytes()[:900])
    PIL.Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "notes.txt").write_text("not an encoder")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "legacy.pth")
    whole = encoder_file.read_bytes()
    (tmp_path / "torn.safetensors").write_bytes(whole[: len(whole) // 2])
    other = whole.replace(b'\\"widths\\":[4,4]', b'\\"widths\\":[6,4]')
    assert other != whole
    (tmp_path / "misfit.safetensors").write_bytes(other)
    for name, value in (("blank", 0), ("odd", 255)):
        (tmp_path / name).mkdir()
        PIL.Image.fromarray(np.full((20, 20), value, np.uint8)).save(tmp_path / name / "1.png")
    (tmp_path / "pair" / "disc").mkdir(parents=True)
    shutil.copy(tmp_path / "odd" / "1.png", tmp_path / "pair" / "disc" / "1.png")
    (tmp_path / "pair" / "cup").mkdir()
    PIL.Image.fromarray(np.full((20, 30), 255, np.uint8)).save(tmp_path / "pair" / "cup" / "1.png")
    for folder, names in (("two", "12"), ("names", "xy"), ("black", "12")):
        (tmp_path / folder).mkdir()
        for name in names:
            if folder == "black":
                shutil.copy(tmp_path / "blank" / "1.png", tmp_path / folder / f"{name}.png")
            else:
                square = np.zeros((20, 20), np.uint8)
                square[5:12, 5:12] = 255
                PIL.Image.fromarray(square).save(tmp_path / folder / f"{name}.png")
    return tmp_path


SEGMENT = ["segment", "good.png", "-o", "out"]

CASES = {
    "missing image": (["segment", "gone.png", "-o", "out", "--prior", "lungs"], "gone.png"),
    "text as png": (["segment", "text.png", "-o", "out", "--segmenter", "S"], "text.png"),
    "empty file": (["segment", "zero.png", "-o", "out", "--segmenter", "S"], "zero.png"),
    "truncated": (["segment", "half.png", "-o", "out", "--segmenter", "S"], "half.png"),
    "one pixel": (["segment", "dot.png", "-o", "out", "--segmenter", "S"], "dot.png"),
    "guide on text": (["guide", "text.png", "-o", "out", "--prior", "lungs"], "text.png"),
    "pretrain on text": (["pretrain", "text.png", "-o", "out"], "text.png"),
    "clusters of text": (["clusters", "text.png", "-o", "out"], "text.png"),
    "empty folder": (["segment", "nothing", "-o", "out", "--segmenter", "S"], "nothing"),
    "unknown prior": ([*SEGMENT, "--prior", "kidneys"], "kidneys"),
    "prior without masks": ([*SEGMENT, "--prior", "nothing"], "nothing"),
    "prior without foreground": ([*SEGMENT, "--prior", "blank"], "blank"),
    "prior without background": ([*SEGMENT, "--prior", "odd"], "odd/1.png has no background"),
    "blank image": (["segment", "odd/1.png", "-o", "out", "--segmenter", "S"], "1.png is blank"),
    "prior of two sizes": ([*SEGMENT, "--prior", "pair"], "20 x 20"),
    "no encoder": ([*SEGMENT, "--prior", "lungs", "--encoder", "gone"], "gone"),
    "text as encoder": ([*SEGMENT, "--prior", "lungs", "--encoder", "notes.txt"], "notes.txt"),
    "pth as encoder": ([*SEGMENT, "--prior", "lungs", "--encoder", "legacy.pth"], "legacy.pth"),
    "torn encoder": (
        [*SEGMENT, "--prior", "lungs", "--encoder", "torn.safetensors"], "torn.safetensors",
    ),
    "encoder of wrong shape": (
        [*SEGMENT, "--prior", "lungs", "--encoder", "misfit.safetensors"], "misfit.safetensors",
    ),
    "segmenter as encoder": (
        [*SEGMENT, "--prior", "lungs", "--encoder", "segmenter.safetensors"], "kind 'segmenter'",
    ),
    "no segmenter": ([*SEGMENT, "--segmenter", "gone.safetensors"], "gone.safetensors"),
    "encoder as segmenter": ([*SEGMENT, "--segmenter", "encoder.safetensors"], "kind 'encoder'"),
    "unknown device": ([*SEGMENT, "--segmenter", "S", "--device", "tpu"], "tpu"),
    "output among images": (["segment", "good.png", "-o", ".", "--segmenter", "S"], "good.png"),
    "output is a file": (["segment", "good.png", "-o", "notes.txt", "--segmenter", "S"], "notes"),
    "segment below a file": (
        ["segment", "good.png", "-o", "notes.txt/out", "--prior", "lungs"], "notes.txt/out",
    ),
    "guide below a file": (
        ["guide", "good.png", "-o", "notes.txt/s", "--prior", "lungs"], "notes.txt/s",
    ),
    "clusters below a file": (["clusters", "good.png", "-o", "notes.txt/out"], "notes.txt/out"),
    "pretrain below a file": (["pretrain", "good.png", "-o", "notes.txt/e"], "notes.txt/e"),
    "demo below a file": (["demo", "--no-viewer", "-o", "notes.txt/demo"], "notes.txt/demo"),
    "guide onto an image": (["guide", "good.png", "-o", "half.png", "--prior", "two"], "half.png"),
    "guide onto its encoder": (
        ["guide", "good.png", "--encoder", "encoder.safetensors", "-o", "encoder.safetensors",
         "--prior", "lungs"], "an input",
    ),
    "segment over a file of the user's": (
        ["segment", "odd/1.png", "-o", "blank", "--prior", "lungs"], "blank/1.png",
    ),
    "segment into the prior": ([*SEGMENT[:3], "two", "--prior", "two"], "prior two"),
    "set of a missing folder": (["probe", "--set", "a=gone:odd"], "gone"),
    "set without matches": (["probe", "--set", "a=two:names"], "no image in two matches"),
    "set with empty masks": (["probe", "--set", "a=two:black"], "all 1 masks read from black"),
    "set of one image": (["probe", "--set", "a=odd:odd"], "none is left to be judged by"),
    "set without folders": (["probe", "--set", "a=two"], "a=two"),
    "unknown set": (["probe", "--set", "stare"], "'stare' is unknown"),
    "no set": (["probe"], "no labelled set"),
    "no file of sets": (["probe", "--sets", "gone.toml"], "gone.toml"),
    "text as sets": (["probe", "--sets", "notes.txt"], "notes.txt"),
    "unknown probed encoder": (["probe", "--set", "a=two:two", "--encoder", "gone"], "gone"),
    "probe into a set": (["probe", "--set", "a=two:two", "-o", "two"], "folder two holds"),
    "transfer from nothing": (["transfer", "--set", "a=two:two", "-o", "out"], "init"),
    "transfer from text": (
        ["transfer", "--set", "a=two:two", "--init", "notes.txt", "-o", "out"], "notes.txt",
    ),
    "transfer of an unknown set": (
        ["transfer", "--set", "a=two:two", "--init", "b@c=fundus", "-o", "out"], "set c",
    ),
    "transfer into a file": (
        ["transfer", "--set", "a=two:two", "--init", "random", "-o", "notes.txt"], "notes.txt",
    ),
    "transfer with empty masks": (
        ["transfer", "--set", "a=two:black", "--init", "random", "-o", "out"], "black are empty",
    ),
    "guide on nothing chosen": (
        ["guide", ".", "--pattern", "*.jpg", "--prior", "lungs", "-o", "s.safetensors"],
        "--pattern",
    ),
    "pretrain on nothing chosen": (
        ["pretrain", ".", "--exclude", "*", "-o", "e.safetensors"], "--exclude",
    ),
    "clusters of nothing chosen": (["clusters", "nothing", "-r", "-o", "out"], "nothing"),
    "evaluate nothing chosen": (["evaluate", "two", "two", "--pattern", "3*"], "--pattern"),
    "probe of nothing chosen": (["probe", "--set", "a=two:two", "--exclude", "*"], "--exclude"),
    "log below a file": (
        ["segment", "good.png", "-o", "out", "--segmenter", "S", "--log", "notes.txt/log"],
        "notes.txt/log",
    ),
    "log in no folder": (["evaluate", "two", "two", "--log", "gone/log", "-v"], "gone/log"),
    "verbose about bad input": ([*SEGMENT, "--prior", "kidneys", "-v"], "kidneys"),
    "neither segmenter nor prior": (SEGMENT, "either --segmenter"),
    "session missing": (["run", "gone.localdisc", "-o", "out"], "gone.localdisc"),
    "session of text": (["run", "notes.txt", "-o", "out", "-v"], "notes.txt"),
    "several ways to share the work": (
        ["run", "notes.txt", "-o", "out", "--batch", "2", "--workers", "2"], "--batch",
    ),
    "no encoder to probe by that name": (
        ["probe", "--set", "a=two:two", "--encoder", "x=gone"], "gone",
    ),
    "predictions missing": (["evaluate", "gone", "blank"], "gone"),
    "truth empty": (["evaluate", "blank", "nothing"], "nothing"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: str, command, place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(place)
    arguments, named = CASES[case]
    before = sorted(place.rglob("*"))
    given = ["segmenter.safetensors" if word == "S" else word for word in arguments]
    result = command(*given)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith("napari-localdisc: ")
    assert named in result.err
    assert sorted(place.rglob("*")) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
@pytest.mark.parametrize("command_name", ["segment", "guide", "pretrain", "clusters"])
def test_a_device_that_is_not_there(command, place: Path, command_name: str, monkeypatch):
    monkeypatch.chdir(place)
    prior = ["--prior", "lungs"] if command_name in ("segment", "guide") else []
    result = command(command_name, "good.png", "-o", "out", *prior, "--device", "cuda")
    assert result.code == 2
    assert "'cuda' is not available" in result.err
    assert "--device auto" in result.err


def test_what_nobody_foresaw_is_one_line_too(command, place: Path, monkeypatch):
    monkeypatch.chdir(place)
    (place / "dir.png").mkdir()
    result = command("pretrain", "good.png", "dir.png", "-o", "notes.txt/e.safetensors", "-q")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


def test_what_was_told_before_an_error_does_not_stand_beside_it(command, place: Path, monkeypatch):
    monkeypatch.chdir(place)
    options = ["--encoder", "encoder.safetensors", "--quick", "--prior", "lungs"]
    arguments = ["guide", "text.png", "half.png", "good.png", *options, "-o"]
    result = command(*arguments, "s.safetensors")
    assert "encoder: tiny" in result.err
    assert "half.png is damaged" in result.err
    with little_space(1000):
        result = command(*arguments, "s.safetensors")
    assert result.code == 2
    assert result.err.startswith("napari-localdisc: cannot write s.safetensors")
    assert result.err.count("\n") == 1


def test_libraries_do_not_mutter(command, place: Path, monkeypatch):
    nibabel = pytest.importorskip("nibabel")
    monkeypatch.chdir(place)
    header = nibabel.Nifti1Header()
    header.set_data_shape((20, 20, 1))
    header.set_data_dtype(np.uint8)
    header["magic"], header["vox_offset"] = b"n+1", 354  # odd enough for nibabel to log it
    (place / "odd.nii").write_bytes(header.binaryblock + bytes(300))  # and torn
    result = command("segment", "odd.nii", "-o", "out", "--segmenter", "segmenter.safetensors")
    assert result.code == 2
    assert result.err.startswith("napari-localdisc: odd.nii")
    assert result.err.count("\n") == 1
