from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from napari_localdisc.core.encoder.encoder import Encoder, load_encoder, save_encoder
from napari_localdisc.datasets.phantom_files import PhantomFiles, write_phantoms

EFFORT = ["--size", 64, "--crop", 64, "--batch", 2, "--seeds", 1]


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> PhantomFiles:
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), "chest-xray", 6, 64)


@pytest.fixture
def lungs(phantoms: PhantomFiles) -> str:
    images, masks = phantoms.images[0].parent, phantoms.truths["lungs"][0].parent
    return f"lungs={images}:{masks}"


@pytest.fixture
def table(command, lungs, encoder_file, tmp_path: Path):
    """Run a small table into the same folder."""

    def run(*options: object, steps: int = 2):
        given = ["--set", lungs, "--init", "random", "--init", f"ours={encoder_file}"]
        return command(
            "transfer", *given, *EFFORT, "--steps", steps, "-o", tmp_path / "out", *options
        )

    return run


def cells(folder: Path) -> list[dict[str, str]]:
    with (folder / "cells.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_few_labels_teach_something(table, tmp_path: Path):
    result = table("--labels", "3", "--learning-rate", 0.01, "--json", steps=80)
    assert (result.code, result.err) == (0, "")
    scores = {row["cell"]["init"]: row["dice"] for row in json.loads(result.out)["cells"]}
    # everything called lung has about 0.4
    assert all(dice > 0.6 for dice in scores.values())


def test_the_whole_table(table, tmp_path: Path):
    result = table("--labels", "1,all", "--seeds", 2, "-q")
    assert (result.code, result.err) == (0, "")
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "cells.csv",
        "settings.json",
        "table.csv",
        "table.md",
        "table.png",
    ]
    found = [(row["labels"], row["seed"], row["init"], row["images"]) for row in cells(out)]
    assert found == [
        ("1", "0", "random", "1"),
        ("1", "0", "ours", "1"),
        ("1", "1", "random", "1"),
        ("1", "1", "ours", "1"),
        ("all", "0", "random", "3"),
        ("all", "0", "ours", "3"),
        ("all", "1", "random", "3"),
        ("all", "1", "ours", "3"),
    ]
    assert result.out == (out / "table.md").read_text("utf-8") + "\n"
    assert "local discrimination" in result.out  # the paper has lungs too
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    dice = [
        float(row["dice"]) for row in cells(out) if (row["labels"], row["init"]) == ("1", "ours")
    ]
    (ours,) = (row for row in rows if (row["labels"], row["init"]) == ("1", "ours"))
    assert float(ours["dice"]) == pytest.approx(sum(dice) / 2, abs=1e-4)
    assert float(ours["spread"]) == pytest.approx(abs(dice[0] - dice[1]) / 2**0.5, abs=1e-4)


def test_what_is_done_is_not_done_again(table, tmp_path: Path):
    table("--labels", "1")
    done = cells(tmp_path / "out")
    # a figure that no training would give stays what it is
    text = (tmp_path / "out" / "cells.csv").read_text().replace(done[0]["dice"], "0.123456", 1)
    (tmp_path / "out" / "cells.csv").write_text(text)
    result = table("--labels", "1,2", "--json")
    rows = cells(tmp_path / "out")
    assert [row["dice"] for row in rows[:2]] == ["0.123456", done[1]["dice"]]
    assert [row["labels"] for row in rows] == ["1", "1", "2", "2"]
    assert len(json.loads(result.out)["cells"]) == 4


def test_cells_do_not_depend_on_what_was_done_before(table, tmp_path: Path):
    table("--labels", "1,2", "--seeds", 2, steps=10)
    at_once = {tuple(row.values())[:4]: row["dice"] for row in cells(tmp_path / "out")}
    (tmp_path / "out").rename(tmp_path / "first")
    for labels in ("2", "1"):
        table("--labels", labels, "--seeds", 2, steps=10)
    by_parts = {tuple(row.values())[:4]: row["dice"] for row in cells(tmp_path / "out")}
    assert by_parts == at_once
    assert len(set(at_once.values())) > 4


def test_an_interrupted_table_keeps_its_cells(command, lungs, encoder_file, tmp_path: Path):
    """The second initialisation cannot be trained: what the first gave is there."""
    encoder = load_encoder(encoder_file)
    encoder.network.body.down[0][0].weight.data.fill_(3e38)
    broken = Encoder(encoder.card.model_copy(update={"name": "broken"}), encoder.network)
    save_encoder(broken, tmp_path / "broken.safetensors")
    inits = ["--init", "random", "--init", tmp_path / "broken.safetensors"]
    result = command(
        "transfer", "--set", lungs, *inits, *EFFORT, "--steps", 2, "-o", tmp_path / "o"
    )
    assert result.code == 2
    assert "training diverged at step 1" in result.err
    assert [row["init"] for row in cells(tmp_path / "o")] == ["random"]
    assert "random" in (tmp_path / "o" / "table.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--learning-rate", 0.1], "learning_rate 0.003 there and 0.1 here"),
        (["--crop", 32], "crop 64 there and 32 here"),
        (["--size", 128], "canvas of lungs 64 there and 128 here"),
    ],
)
def test_other_settings_are_refused(table, tmp_path: Path, options, named: str):
    table("--labels", "1")
    before = cells(tmp_path / "out")
    result = table("--labels", "1", *options)
    assert (result.code, result.out) == (2, "")
    assert named in result.err
    assert cells(tmp_path / "out") == before


def test_another_encoder_of_the_same_name_is_refused(
    table, command, lungs, encoder_file, tmp_path: Path
):
    table("--labels", "1")
    other = load_encoder(encoder_file)
    other.network.body.down[0][0].weight.data += 0.1
    save_encoder(other, tmp_path / "ours.safetensors")
    result = command(
        "transfer", "--set", lungs, "--init", tmp_path / "ours.safetensors", *EFFORT,
        "--steps", 2, "--labels", "1", "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.code == 2
    assert "ours on lungs tiny " in result.err


def test_more_labelled_images_than_there_are(table, tmp_path: Path):
    result = table("--labels", "1,4")
    assert (result.code, result.out) == (2, "")
    assert "set lungs has 3 labelled images to learn from, 4 were asked for" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--labels", "some"], "'some' is not a valid labels"),
        (["--labels", "0"], "'0' is not a valid labels"),
        (["--labels", "1,"], "'' is not a valid labels"),
        (["--crop", 50], "50 is not a valid crop"),
    ],
)
def test_settings_that_are_not_valid(table, tmp_path: Path, options, named: str):
    result = table(*options)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert named in result.err
    assert not (tmp_path / "out").exists()


def test_a_grey_encoder_on_colour_images(command, encoder_file, tmp_path: Path):
    files = write_phantoms(tmp_path, "fundus", 3, 64)
    images, masks = files.images[0].parent, files.truths["optic-disc"][0].parent
    result = command(
        "transfer", "--set", f"disc={images}:{masks}", "--init", f"grey={encoder_file}", *EFFORT,
        "--steps", 2, "-o", tmp_path / "out", "-q",
    )  # fmt: skip
    assert (result.code, result.err) == (0, "")
    assert [row["init"] for row in cells(tmp_path / "out")] == ["grey"]
