from __future__ import annotations

import json
from pathlib import Path

from napari_localdisc.core.encoder import load_encoder


def test_unlabelled_images_make_an_encoder(command, xray_files, tmp_path: Path):
    out = tmp_path / "chest.safetensors"
    options = ["--steps", 2, "--size", 64, "--modality", "chest phantoms", "--json"]
    result = command("pretrain", xray_files[0].parent, "-o", out, *options)
    assert result.code == 0
    assert json.loads(result.out)["card"]["modality"] == "chest phantoms"
    card = load_encoder(out).card
    assert (card.name, card.channels, card.working_size) == ("chest", 1, 64)


def test_one_image_is_not_enough(command, xray_files, tmp_path: Path):
    out = tmp_path / "e.safetensors"
    result = command("pretrain", xray_files[0], "-o", out, "--steps", 2, "--size", 64)
    assert result.code == 2
    assert "at least 2 images" in result.err
    assert not out.exists()
