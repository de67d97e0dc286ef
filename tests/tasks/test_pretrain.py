from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.pretraining.pretraining import CollapseError, PretrainConfig
from napari_localdisc.stores.checkpoints import Interval
from napari_localdisc.tasks.pretrain import TrainingFiles, TrainingOptions, train_encoder

CPU = torch.device("cpu")
CONFIG = PretrainConfig(steps=5, images=2, crops=2, crop=32, scales=(1.0,))
OPTIONS = TrainingOptions(size=64, checkpoint_every=Interval(steps=2))


class Stop(Exception):
    """What stops a training in these tests."""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "e.safetensors"


def train(files, output, config=CONFIG, stop_at=None, **options):
    events = []

    def follow(event):
        events.append(event)
        if event.stage == "pretrain" and event.done == stop_at:
            raise Stop

    given = TrainingOptions(**{**vars(OPTIONS), **options})
    return drain(train_encoder(files, output, config, CPU, given), follow), events


def stopped(files, output, at: int = 5, **options):
    with pytest.raises(Stop):
        train(files, output, stop_at=at, **options)


def curve(output: Path) -> list[dict[str, str]]:
    with TrainingFiles(output).curve.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestFinished:
    def test_leaves_encoder_curve_and_picture(self, xray_files, output: Path):
        training, _ = train(xray_files, output, command="napari-localdisc pretrain x")
        assert sorted(content(output.parent)) == ["e.curve.csv", "e.png", "e.safetensors"]
        assert [row["step"] for row in curve(output)] == ["1", "2", "3", "4", "5"]
        card = load_encoder(output).card
        assert card == training.encoder.card
        assert card.training["command"] == "napari-localdisc pretrain x"
        assert card.training["version"]
        assert card.training["images_used"] == 3

    def test_the_picture_shows_every_image_three_ways(self, xray_files, output: Path):
        train(xray_files, output)
        picture = PIL.Image.open(TrainingFiles(output).picture)
        columns, rows = picture.width // 320, picture.height // 320
        assert (columns, rows) == (3, 3)
        assert len(np.unique(np.asarray(picture))) > 100

    def test_no_picture_if_none_is_wanted(self, xray_files, output: Path):
        train(xray_files, output, picture_every=0)
        assert not TrainingFiles(output).picture.exists()

    def test_most_images_decide_on_colour(self, xray_files, output: Path, tmp_path: Path):
        rng = np.random.default_rng(0)
        colours = [tmp_path / f"colour-{index}.png" for index in range(4)]
        for path in colours:
            PIL.Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
        for files, channels in ((xray_files[:1] + colours, 3), (xray_files + colours[:1], 1)):
            training, _ = train(files, output, CONFIG.model_copy(update={"steps": 1}))
            assert training.encoder.card.channels == channels


class TestSkipped:
    def test_the_rest_is_used_and_the_card_says_so(self, xray_files, output: Path):
        folder = xray_files[0].parent
        shutil.copy(xray_files[0], folder / "copy.png")
        (folder / "text.png").write_text("no image")
        PIL.Image.new("L", (20, 20)).save(folder / "tiny.png")
        training, events = train(sorted(folder.iterdir()), output)
        assert len(training.used) == 3
        assert len(training.skipped) == 3
        told = [event.message for event in events if event.stage == "warn"]
        assert [message.removeprefix("passed over: ") for message in told] == list(training.skipped)
        assert training.encoder.card.training["images_skipped"] == 3

    def test_too_few_remain(self, xray_files, output: Path):
        for path in xray_files[1:]:
            shutil.copy(xray_files[0], path)
        with pytest.raises(LocaldiscError, match="at least 2 images, got 1"):
            train(xray_files, output)
        assert not output.parent.exists()


class TestClasses:
    def test_supervised_learns_from_those_that_have_one(self, xray_files, output: Path):
        config = CONFIG.model_copy(update={"objective": "supervised"})
        training, _ = train(xray_files, output, config, classes="-([01])$")
        assert training.encoder.card.training["classes"] == ["0", "1"]
        assert [path.stem for path in training.used] == ["xray-0", "xray-1"]
        assert "xray-2.png has no class" in training.skipped[0]

    def test_they_must_be_given(self, xray_files, output: Path):
        config = CONFIG.model_copy(update={"objective": "supervised"})
        with pytest.raises(LocaldiscError, match="needs --classes"):
            train(xray_files, output, config)


class TestResume:
    @pytest.fixture
    def whole(self, xray_files, tmp_path: Path) -> Path:
        path = tmp_path / "whole" / "e.safetensors"
        train(xray_files, path)
        return path

    @pytest.mark.parametrize("at", [1, 3, 4])
    def test_gives_the_same_encoder_and_curve(self, xray_files, output: Path, whole: Path, at: int):
        stopped(xray_files, output, at)
        train(xray_files, output, resume=True)
        found, wanted = load_encoder(output), load_encoder(whole)
        pairs = (found.network.state_dict(), wanted.network.state_dict())
        assert all(torch.equal(pairs[0][name], pairs[1][name]) for name in pairs[0])
        assert TrainingFiles(output).curve.read_bytes() == TrainingFiles(whole).curve.read_bytes()
        assert (
            TrainingFiles(output).picture.read_bytes() == TrainingFiles(whole).picture.read_bytes()
        )
        assert not TrainingFiles(output).checkpoint.exists()

    def test_from_another_folder(self, xray_files, output: Path, monkeypatch):
        stopped(xray_files, output)
        monkeypatch.chdir(xray_files[0].parent)
        _, events = train([Path(path.name) for path in xray_files], output, resume=True)
        assert [event.done for event in events if event.stage == "pretrain"] == [5]

    def test_an_unfinished_training_is_not_overwritten_by_chance(self, xray_files, output: Path):
        stopped(xray_files, output)
        before = content(output.parent)
        with pytest.raises(LocaldiscError, match=r"e\.safetensors\.checkpoint.*--resume"):
            train(xray_files, output)
        assert content(output.parent) == before

    def test_other_settings_or_images_change_no_file(self, xray_files, output: Path):
        stopped(xray_files, output)
        before = content(output.parent)
        longer = CONFIG.model_copy(update={"steps": 6})
        with pytest.raises(LocaldiscError, match="steps was 5 and is 6"):
            train(xray_files, output, longer, resume=True)
        with pytest.raises(LocaldiscError, match="xray-2 is missing"):
            train(xray_files[:2], output, resume=True)
        shutil.copy(xray_files[0], xray_files[0].with_name("copy.png"))
        PIL.Image.open(xray_files[1]).rotate(90).save(xray_files[1])
        with pytest.raises(LocaldiscError, match="xray-1 has changed"):
            train(xray_files, output, resume=True)
        assert content(output.parent) == before

    def test_its_own_picture_among_the_images_is_left_out(self, xray_files):
        folder = xray_files[0].parent
        output = folder / "e.safetensors"
        stopped(xray_files, output, picture_every=1)
        assert (folder / "e.png").exists()
        training, _ = train(sorted(folder.glob("*.png")), output, resume=True)
        assert len(training.used) == 3

    def test_a_collapsed_training_leaves_no_checkpoint(self, output: Path, tmp_path: Path):
        files = [tmp_path / f"{level}.png" for level in (60, 90, 120)]
        for path in files:
            PIL.Image.new("L", (64, 64), int(path.stem)).save(path)
        config = CONFIG.model_copy(update={"steps": 40, "warmup": 0.0, "balance": 0.0})
        with pytest.raises(CollapseError):
            train(files, output, config)
        assert sorted(content(output.parent)) == ["e.curve.csv", "e.png"]


class TestOutput:
    def test_an_image_is_never_replaced(self, xray_files):
        output = xray_files[0].with_suffix(".safetensors")
        before = xray_files[0].read_bytes()
        with pytest.raises(LocaldiscError, match="would replace an image"):
            train(xray_files, output)
        assert xray_files[0].read_bytes() == before

    def test_what_cannot_be_written_is_told_before_the_work(self, xray_files, tmp_path: Path):
        with pytest.raises(LocaldiscError, match="is a folder"):
            train(xray_files, tmp_path)
        with pytest.raises(LocaldiscError, match="in a place that you may write to"):
            train(xray_files, xray_files[0] / "e.safetensors")
