from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean

import pytest

from napari_localdisc.datasets.phantom_files import PhantomFiles, write_phantoms


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> PhantomFiles:
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), "chest-xray", 6, 64)


@pytest.fixture
def lungs(phantoms: PhantomFiles) -> str:
    """A set as the command line describes it."""
    images, masks = phantoms.images[0].parent, phantoms.truths["lungs"][0].parent
    return f"lungs={images}:{masks}"


def table_rows(text: str) -> dict[str, list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


def test_one_table_of_vectors_and_one_of_clusters(command, lungs, encoder_file):
    result = command("probe", "--set", lungs, "--size", 64, "--encoder", f"mine={encoder_file}")
    assert result.code == 0
    rows = table_rows(result.out)
    assert list(rows) == [
        "vectors",
        "mine: embedding",
        "mine: U-Net features",
        "mine: network input",
        "raw pixels",
        "multiscale_basic_features",
        "mine: clustering branch (3)",
        "mine: k-means (3) on embedding",
        "k-means (3) on normalised pixels",
        "k-means (3) on multiscale_basic_features",
    ]
    assert rows["vectors"] == ["lungs"]
    mean, _, std = rows["raw pixels"][0].split()
    # dark lungs beside dark air: pixels tell much, but not all
    assert 0.4 < float(mean) < 0.95
    assert float(std) < 0.2


def test_json_and_files_have_the_figures_of_the_table(command, lungs, encoder_file, tmp_path: Path):
    options = ["--set", lungs, "--size", 64, "--encoder", encoder_file, "-o", tmp_path / "out"]
    result = command("probe", *options, "--json")
    content = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    rows = table_rows((tmp_path / "out" / "probe.md").read_text("utf-8"))
    with (tmp_path / "out" / "probe.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(content["results"]) == 9
    for one in content["results"]:
        name = f"{one['encoder']}: {one['vectors']}" if one["encoder"] else one["vectors"]
        assert rows[name][0].startswith(f"{one['mean']:.3f} ± ")
        own = [
            float(line["dice"])
            for line in lines
            if (line["method"], line["vectors"]) == (one["method"], one["vectors"])
        ]
        assert len(own) == 3
        assert fmean(own) == pytest.approx(one["mean"], abs=1e-4)
    assert content["settings"]["images"] == 20


def test_sets_of_a_file_beside_one_of_the_command_line(
    command, phantoms, lungs, encoder_file, tmp_path: Path
):
    (tmp_path / "sets.toml").write_text(
        '[first]\nimages = "images/chest-xray"\nmasks = "truth/lungs"\nsize = 64\n'
        '[second]\nimages = "nowhere"\nmasks = "truth/lungs"\n'
    )
    root = phantoms.images[0].parents[2]
    result = command(
        "probe", "--sets", tmp_path / "sets.toml", "--data", root, "--set", "first",
        "--set", lungs, "--size", 64, "--encoder", encoder_file, "--images", 2, "-q",
    )  # fmt: skip
    assert (result.code, result.err) == (0, "")
    rows = table_rows(result.out)
    assert rows["vectors"] == ["first", "lungs"]
    assert rows["raw pixels"][0] == rows["raw pixels"][1]


def test_images_to_be_judged_by_in_folders_of_their_own(command, phantoms, lungs, encoder_file):
    """The very images that were learned from: as many as there are."""
    options = ["--set", lungs, "--test-set", lungs, "--size", 64, "--encoder", encoder_file]
    content = json.loads(command("probe", *options, "--json").out)
    assert all(len(one["dice"]) == 6 for one in content["results"])


def test_several_encoders_and_the_shipped_ones(command, lungs, encoder_file):
    both = ["--encoder", f"a={encoder_file}", "--encoder", f"b={encoder_file}"]
    options = ["--set", lungs, "--size", 64, "--images", 2, "-q"]
    rows = table_rows(command("probe", *options, *both).out)
    assert rows["a: embedding"] == rows["b: embedding"]
    shipped = table_rows(command("probe", *options).out)
    assert "chest-xray: embedding" in shipped
    assert shipped["raw pixels"] == rows["raw pixels"]


def test_the_seed_decides(command, lungs, encoder_file):
    options = ["--set", lungs, "--size", 64, "--encoder", encoder_file, "-q"]
    first, again = (command("probe", *options, "--seed", 1).out for _ in range(2))
    assert first == again


def test_a_random_encoder_stands_beside_the_suited_one(command, lungs, phantoms, tmp_path: Path):
    line = ["probe", "--set", lungs, "--size", 64, "--images", 2]
    rows = table_rows(command(*line, "--encoder", "auto", "--encoder", "random").out)
    assert {name.split(":")[0] for name in rows if ": embedding" in name} == {
        "chest-xray",
        "random",
    }
    chosen = command(*line, "--pattern", "*-[123].png", "--exclude", "*-3.png", "--json")
    assert chosen.code == 0
    assert {len(one["dice"]) for one in json.loads(chosen.out)["results"]} == {1}
