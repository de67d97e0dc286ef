from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest


def test_cluster_maps_and_embedding_pictures(command, xray_files, encoder_file, tmp_path: Path):
    out = tmp_path / "out"
    result = command("clusters", *xray_files, "--encoder", encoder_file, "-o", out)
    assert result.code == 0
    for path in xray_files:
        shape = np.asarray(PIL.Image.open(path)).shape
        clusters = PIL.Image.open(out / f"{path.stem}_clusters.png")
        assert clusters.mode == "P"
        assert set(np.unique(np.asarray(clusters))) <= {1, 2, 3}
        assert np.asarray(clusters).shape == shape
        assert np.asarray(PIL.Image.open(out / f"{path.stem}_embedding.png")).shape == (*shape, 3)
    recipe = json.loads((out / "recipe.json").read_text("utf-8"))
    assert recipe["encoder"]["name"] == "tiny"


def test_the_table_has_every_cluster_of_every_file(
    command, xray_files, encoder_file, tmp_path: Path
):
    command("clusters", *xray_files, "--encoder", encoder_file, "-o", tmp_path / "out", "-q")
    with (tmp_path / "out" / "clusters.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for path in xray_files:
        labels = np.asarray(PIL.Image.open(tmp_path / "out" / f"{path.stem}_clusters.png"))
        own = [row for row in rows if row["file"] == str(path)]
        assert [int(row["label"]) for row in own] == np.unique(labels).tolist()
        assert sum(float(row["area"]) for row in own) == pytest.approx(1)


def test_a_stray_file_does_not_stop_it(command, xray_files, encoder_file, tmp_path: Path):
    xray_files[1].write_text("no image")
    out = tmp_path / "out"
    result = command("clusters", *xray_files, "--encoder", encoder_file, "-o", out, "--json")
    assert result.code == 1
    content = json.loads(result.out)
    assert [row["status"] for row in content["files"]] == ["done", "failed", "done"]
    assert (content["run"]["encoder"], content["run"]["encoder_version"]) == ("tiny", "1")
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        failed = [row["file"] for row in csv.DictReader(file) if row["status"] == "failed"]
    assert failed == [str(xray_files[1])]
    assert (out / "xray-2_clusters.png").exists()


def test_an_untrained_encoder_depends_on_the_seed(command, xray_files, tmp_path: Path):
    def pictures(out: str, seed: int) -> bytes:
        options = ["--encoder", "random", "--seed", seed, "-q", "-o", tmp_path / out]
        assert command("clusters", xray_files[0], *options).code == 0
        return (tmp_path / out / "xray-0_clusters.png").read_bytes()

    assert pictures("a", 0) == pictures("b", 0) != pictures("c", 1)
    recipe = json.loads((tmp_path / "a" / "recipe.json").read_text("utf-8"))
    assert recipe["encoder"]["name"] == "random"
