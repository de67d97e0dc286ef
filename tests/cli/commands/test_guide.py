from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.core.guidance.choose import stage_result
from napari_localdisc.core.guidance.guidance import GuideConfig
from napari_localdisc.stores.segmenters import load_segmenter


def test_guidance_is_saved_as_a_segmenter(command, xray_files, encoder_file, tmp_path: Path):
    out = tmp_path / "new" / "lungs.safetensors"
    options = [
        "--prior",
        "lungs",
        "--references",
        4,
        "--quick",
        "--encoder",
        encoder_file,
        "--json",
    ]
    result = command("guide", *xray_files, *options, "-o", out)
    content = json.loads(result.out)
    assert result.code == 0
    assert content["targets"] == ["lungs"]
    assert content["kl"] == pytest.approx(content["recipe"]["kl"], abs=1e-3)
    assert content["stages"][0]["stage"] == "start"
    labels = load_segmenter(out).segment(np.asarray(PIL.Image.open(xray_files[2]))).labels
    assert labels.shape == (80, 80)


def test_a_folder_of_masks_is_a_prior_and_few_images_are_enough(
    command, xray_files, encoder_file, tmp_path: Path
):
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 10:25] = 255
    (tmp_path / "shadow").mkdir()
    PIL.Image.fromarray(mask).save(tmp_path / "shadow" / "1.png")
    options = ["--prior", tmp_path / "shadow", "--guide-images", 1, "--quick"]
    out = tmp_path / "s.safetensors"
    result = command("guide", *xray_files, *options, "--encoder", encoder_file, "-o", out)
    assert result.code == 0
    segmenter = load_segmenter(out)
    assert segmenter.targets == ("shadow",)
    assert segmenter.recipe["images"] == 1


def test_an_output_that_is_a_folder_is_refused_at_once(command, xray_files, tmp_path: Path):
    result = command("guide", *xray_files, "--prior", "lungs", "-o", tmp_path)
    assert result.code == 2
    assert "is a folder" in result.err


def test_a_doubtful_guidance_is_told_and_so_is_what_it_passed_over(
    command, xray_files, encoder_file, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(stage_result, "_UNLIKE", 0.0)
    xray_files[1].write_text("no image")
    out = tmp_path / "s.safetensors"
    options = ["--prior", "lungs", "--references", 4, "--encoder", encoder_file]
    result = command("guide", *xray_files, *options, "--quick", "--json", "-o", out)
    content = json.loads(result.out)
    assert result.code == 1
    assert (content["encoder"], content["encoder_version"]) == ("tiny", "1")
    assert len(content["passed_over"]) == 1
    assert content["passed_over"][0].startswith(str(xray_files[1]))
    assert any("do not look like the prior" in warning for warning in content["warnings"])
    assert result.err.splitlines() == [
        *(f"passed over: {line}" for line in content["passed_over"]),
        *(f"warning: {line}" for line in content["warnings"]),
    ]
    result = command("segment", xray_files[0], "--segmenter", out, "-o", tmp_path / "o", "--json")
    assert set(content["warnings"]) <= set(json.loads(result.out)["warnings"])
    assert f"warning: {content['warnings'][0]}" in result.err.splitlines()


def test_images_are_chosen_from_sub_folders_and_the_encoder_may_be_random(
    command, xray_files, tmp_path: Path, monkeypatch, effort
):
    monkeypatch.setattr(GuideConfig, "quick", lambda: effort)
    folder = xray_files[0].parent
    for path in xray_files[:2]:
        (folder / path.stem).mkdir()
        path.rename(folder / path.stem / path.name)
    out = tmp_path / "s.safetensors"
    line = ["guide", folder, "--prior", "lungs", "--references", 4, "--quick", "-o", out]
    options = ["-r", "--pattern", "xray-*", "--exclude", "xray-1", "--json"]
    content = json.loads(command(*line, *options, "--encoder", "random", "--seed", 5).out)
    assert (content["encoder"], content["recipe"]["images"]) == ("random", 2)
    assert load_segmenter(out).card.encoder.training["seed"] == 5
    missing = command(*line, "-r", "--pattern", "*.jpg")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
