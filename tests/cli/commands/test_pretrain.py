from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_localdisc.core.encoder.encoder import load_encoder
from tests.conftest import little_space

SMALL = ("--size", 64, "--set", "crops=2", "--set", "images=2", "--set", "scales=[1.0]")


def test_unlabelled_images_make_an_encoder(command, xray_files, tmp_path: Path):
    out = tmp_path / "chest.safetensors"
    options = ["--steps", 2, "--size", 64, "--modality", "chest phantoms", "--json"]
    result = command("pretrain", xray_files[0].parent, "-o", out, *options)
    assert result.code == 0
    told = json.loads(result.out)
    assert told["card"]["modality"] == "chest phantoms"
    assert told["skipped"] == []
    assert Path(told["curve"]).exists()
    card = load_encoder(out).card
    assert (card.name, card.channels, card.working_size) == ("chest", 1, 64)
    wanted = f"napari-localdisc pretrain {xray_files[0].parent} -o {out} --steps 2 --size 64"
    assert card.training["command"] == f"{wanted} --modality 'chest phantoms' --json"


def test_one_image_is_not_enough(command, xray_files, tmp_path: Path):
    out = tmp_path / "e.safetensors"
    result = command("pretrain", xray_files[0], "-o", out, "--steps", 2, "--size", 64)
    assert result.code == 2
    assert "at least 2 images" in result.err
    assert not out.exists()


def test_what_is_of_no_use_is_listed(command, xray_files, tmp_path: Path):
    folder, out = xray_files[0].parent, tmp_path / "e.safetensors"
    shutil.copy(xray_files[0], folder / "again.png")
    (folder / "text.png").write_text("no image")
    result = command("pretrain", folder, "-o", out, "--steps", 1, *SMALL, "-q")
    assert result.code == 0
    lines = result.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("passed over: ") for line in lines)
    assert "text.png is not an image" in result.err
    assert "same content" in result.err


def test_the_network_is_built_as_asked_for(command, xray_files, tmp_path: Path):
    out = tmp_path / "e.safetensors"
    shape = ("--widths", "8,16,24", "--context", "2,4", "--dimensions", 20, "--clusters", 9)
    assert command("pretrain", *xray_files, "-o", out, "--steps", 1, *SMALL, *shape, "-q").code == 0
    encoder = load_encoder(out)
    card = encoder.card
    assert (card.widths, card.context) == ((8, 16, 24), (2, 4))
    assert (card.embedding_dim, card.clusters) == (20, 9)
    vectors, memberships = encoder.network(torch.zeros(1, card.preprocessing.inputs, 16, 16))
    assert (vectors.shape[1], memberships.shape[1]) == (20, 9)


def test_a_second_round_is_taught_by_the_first(command, xray_files, tmp_path: Path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    assert command("pretrain", *xray_files, "-o", first, "--steps", 2, *SMALL, "-q").code == 0
    again = ("--steps", 2, *SMALL, "-q", "--teacher", first)
    assert command("pretrain", *xray_files, "-o", second, *again).code == 0
    assert load_encoder(second).card.training["teacher"]["encoder"] == "first"
    with second.with_suffix(".curve.csv").open(encoding="utf-8", newline="") as file:
        assert all(float(row["codes"]) > 0 for row in csv.DictReader(file))


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("instance-discrimination", []),
        ("invariant-spreading", []),
        ("supervised", ["--classes", "-([012])$"]),
    ],
)
def test_baselines_give_encoders_for_every_command(
    command, xray_files, tmp_path: Path, objective: str, options: list[str]
):
    out = tmp_path / "e.safetensors"
    given = ["--objective", objective, "--steps", 2, *SMALL, *options, "-q"]
    assert command("pretrain", *xray_files, "-o", out, *given).code == 0
    assert load_encoder(out).card.training["objective"] == objective
    maps = tmp_path / "maps"
    assert command("clusters", xray_files[0], "--encoder", out, "-o", maps, "-q").code == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--objective", "magic"], "setting objective is not valid"),
        (["--objective", "supervised"], "needs --classes"),
        (["--objective", "supervised", "--classes", "(kidney)"], "none of the 3 images a class"),
        (["--set", "crop=33"], "setting crop is not valid"),
        (["--set", "cropping=32"], "setting cropping is not valid"),
        (["--set", "crop"], "give NAME=VALUE"),
        (["--context", "wide"], "--context 'wide' is not understood"),
        (["--context", "3"], "a context of 3 pixels does not divide the network's stride, 8"),
        (["--checkpoint-every", "soon"], "interval 'soon'"),
        (["--teacher", "fundus"], "the teacher fundus sees 3 channels and the images have 1"),
        (["--teacher", "nobody"], "nobody"),
        (["--set", "codebooks=[8,300]"], "setting codebooks is not valid"),
        (["--set", "codebooks=[8]"], "codebooks are of a teacher's features; name a teacher, too"),
    ],
)
def test_what_is_wrong_is_one_line(command, xray_files, tmp_path: Path, options, named: str):
    out = tmp_path / "e.safetensors"
    result = command("pretrain", *xray_files, "-o", out, "--size", 64, "-q", *options)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert named in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["xrays"]


def test_a_full_disk_is_told_and_leaves_the_last_checkpoint(command, xray_files, tmp_path: Path):
    out = tmp_path / "e.safetensors"
    saving = ["--checkpoint-every", 2, "--picture-every", 0]
    given = ["pretrain", *xray_files, "-o", out, "--steps", 5, *SMALL, *saving, "-q"]
    with little_space(200_000):
        result = command(*given)
    assert result.code == 2
    assert "free some space" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.curve.csv", "xrays"]


class TestKill:
    """A process that is killed outright, and one that takes its place."""

    def given(self, xray_files, out: Path) -> list[str]:
        saving = ["--checkpoint-every", 3, "--picture-every", 0]
        return [
            str(x) for x in ("pretrain", *xray_files, "-o", out, "--steps", 40, *SMALL, *saving)
        ]

    def killed(self, arguments: list[str], checkpoint: Path) -> None:
        code = "import sys; from napari_localdisc.cli import main; sys.exit(main(sys.argv[1:]))"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "-q"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL

    def test_goes_on_to_the_same_curve_and_weights(self, command, xray_files, tmp_path: Path):
        whole, out = tmp_path / "whole" / "e.safetensors", tmp_path / "cut" / "e.safetensors"
        checkpoint = out.with_name("e.safetensors.checkpoint")
        assert command(*self.given(xray_files, whole)).code == 0
        self.killed(self.given(xray_files, out), checkpoint)
        assert not out.exists()
        assert command(*self.given(xray_files, out), "--resume").code == 0
        found, wanted = load_encoder(out), load_encoder(whole)
        for name, tensor in wanted.network.state_dict().items():
            assert torch.equal(found.network.state_dict()[name], tensor), name
        curves = [np.loadtxt(path.with_name("e.curve.csv"), str) for path in (out, whole)]
        assert (curves[0] == curves[1]).all()
        assert not checkpoint.exists()
