from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.encoder import Encoder, save_encoder
from napari_localdisc.datasets.labelled_sets import SetFiles, list_set
from napari_localdisc.datasets.phantom_files import write_phantoms
from napari_localdisc.datasets.set_list import SetSpec
from napari_localdisc.stores.encoder_choice import open_encoders, open_inits
from tests.conftest import tiny_encoder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[SetFiles]:
    folder = tmp_path_factory.mktemp("sets")
    found = []
    for kind, structure in (("chest-xray", "lungs"), ("fundus", "vessels")):
        files = write_phantoms(folder, kind, 2, 64)
        images, masks = files.images[0].parent, files.truths[structure][0].parent
        found.append(list_set(SetSpec(name=structure, images=images, masks=masks, size=64)))
    return found


@pytest.fixture
def wide_file(tmp_path: Path) -> Path:
    card = tiny_encoder().card.model_copy(update={"name": "wide", "widths": (8, 8)})
    path = tmp_path / "wide.safetensors"
    save_encoder(Encoder(card, card.build()), path)
    return path


class TestEncoders:
    def test_names(self, encoder_file: Path, tmp_path: Path):
        odd = tmp_path / "a=b.safetensors"
        shutil.copy(encoder_file, odd)
        opened = open_encoders([str(encoder_file), f"mine={encoder_file}", "fundus", str(odd)])
        assert list(opened) == ["tiny", "mine", "fundus", "a=b"]
        assert opened["fundus"].obtain().encoder.card.channels == 3

    def test_the_same_name_twice(self, encoder_file: Path):
        with pytest.raises(LocaldiscError, match="two encoders are named tiny"):
            open_encoders([str(encoder_file), f"tiny={encoder_file}"])

    def test_a_set_has_no_place_here(self, encoder_file: Path):
        with pytest.raises(LocaldiscError, match="leave @lungs out"):
            open_encoders([f"tiny@lungs={encoder_file}"])


class TestInits:
    def test_random_has_the_architecture_of_the_first_encoder(self, sets, encoder_file, wide_file):
        inits = open_inits(["random", f"ours={wide_file}", f"other={encoder_file}"], sets)
        for name in ("lungs", "vessels"):
            blank, ours, other = inits[name]
            assert (blank.name, ours.name, other.name) == ("random", "ours", "other")
            assert blank.network is None
            assert blank.card.widths == ours.card.widths == (8, 8)
            assert other.card.widths == (4, 4)

    def test_random_alone_has_that_of_the_shipped_one(self, sets):
        inits = open_inits(["random"], sets)
        assert inits["lungs"][0].card.name == "chest-xray"
        assert inits["vessels"][0].card.name == "fundus"

    def test_an_encoder_for_one_set_alone(self, sets, encoder_file, wide_file):
        words = [f"ours={encoder_file}", f"ours@vessels={wide_file}", f"more@lungs={wide_file}"]
        inits = open_inits(words, sets)
        assert [(one.name, one.card.name) for one in inits["lungs"]] == [
            ("ours", "tiny"),
            ("more", "wide"),
        ]
        assert [(one.name, one.card.name) for one in inits["vessels"]] == [("ours", "wide")]

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            ([], "no initialisation was given"),
            (["random", "random"], "initialisation random is given twice"),
            (["a=fundus", "a=chest-xray"], "initialisation a is given twice"),
            (["a@liver=fundus"], r"set liver, which is not among those given \(lungs, vessels\)"),
            (["a=gone.safetensors"], "'gone.safetensors' is neither shipped"),
            (["a="], "'a=' is neither shipped"),
            ([""], "'' names no encoder"),
        ],
    )
    def test_what_is_wrong_is_named(self, sets, words, named):
        with pytest.raises(LocaldiscError, match=named):
            open_inits(words, sets)

    def test_channels_that_do_not_fit(self, sets, tmp_path):
        torch.manual_seed(0)
        card = tiny_encoder().card.model_copy(update={"channels": 2})
        save_encoder(Encoder(card, card.build()), tmp_path / "two.safetensors")
        with pytest.raises(LocaldiscError, match="encoder two was made for 2 channels"):
            open_inits([f"two={tmp_path / 'two.safetensors'}"], sets)
