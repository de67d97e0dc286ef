from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.shipped import ENCODERS
from napari_localdisc.core.encoder.card import shipped_encoders
from napari_localdisc.core.encoder.encoder import (
    Encoder,
    default_encoder,
    load_encoder,
    save_encoder,
)
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from tests.conftest import tiny_encoder


class TestFiles:
    def test_round_trip(self, tmp_path):
        saved = tiny_encoder(3)
        path = tmp_path / "new" / "mine.safetensors"
        save_encoder(saved, path)
        loaded = load_encoder(path)
        assert loaded.card == saved.card
        for name, tensor in saved.network.state_dict().items():
            assert torch.equal(tensor, loaded.network.state_dict()[name])
        assert not loaded.network.training
        assert [file.name for file in path.parent.iterdir()] == ["mine.safetensors"]

    def test_saving_replaces(self, tmp_path):
        path = tmp_path / "mine.safetensors"
        path.write_text("old")
        save_encoder(tiny_encoder(), path)
        assert load_encoder(str(path)).name == "tiny"


class TestWrongFiles:
    def wrong(self, path):
        with pytest.raises(LocaldiscError) as caught:
            load_encoder(path)
        return str(caught.value)

    @pytest.mark.parametrize("content", [b"", b"hello, this is text", bytes(range(256)) * 40])
    def test_no_safetensors(self, tmp_path, content):
        path = tmp_path / "wrong.safetensors"
        path.write_bytes(content)
        assert f"{path} is not a readable encoder file" in self.wrong(path)

    def test_missing(self):
        message = self.wrong("no-such-encoder")
        assert "'no-such-encoder' is neither shipped (chest-xray, fundus) nor a file" in message

    def test_folder(self, tmp_path):
        assert str(tmp_path) in self.wrong(tmp_path)

    def test_segmenter(self, segmenter_file):
        message = self.wrong(segmenter_file)
        assert f"{segmenter_file} is of kind 'segmenter'" in message

    def test_of_another_program(self, tmp_path):
        path = tmp_path / "other.safetensors"
        save_file({"x": torch.zeros(2)}, path)
        assert "was not written by napari-localdisc" in self.wrong(path)

    def test_weights_that_do_not_fit_the_card(self, tmp_path):
        path = tmp_path / "odd.safetensors"
        odd = tiny_encoder()
        card = odd.card.model_copy(update={"embedding_dim": 7})
        save_encoder(Encoder(card, odd.network), path)
        message = self.wrong(path)
        assert f"weights in {path} do not fit" in message
        assert "\n" not in message

    def test_card_that_is_none(self, tmp_path):
        path = tmp_path / "card.safetensors"
        metadata = {"napari-localdisc": "encoder", "header": '{"name": 1}'}
        save_file({"x": torch.zeros(2)}, path, metadata=metadata)
        assert f"card of encoder {path} is not valid" in self.wrong(path)


class TestShipped:
    @pytest.mark.parametrize("name", ["chest-xray", "fundus"])
    def test_loads_and_is_small(self, name):
        assert name in shipped_encoders()
        card = load_encoder(name).card
        assert card.channels == (3 if name == "fundus" else 1)
        assert card.field_of_view == (name == "fundus")
        assert card.embedding_dim >= 16
        assert ENCODERS.find(name).stat().st_size <= 8_000_000

    def test_chosen_by_colour(self):
        assert default_encoder(fundus_phantom(0, 64).image) == "fundus"
        grey = xray_phantom(0, 64).image
        assert default_encoder(grey) == "chest-xray"
        assert default_encoder(np.stack([grey] * 3, axis=-1)) == "chest-xray"
