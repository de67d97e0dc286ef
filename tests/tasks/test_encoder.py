from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder, save_encoder
from napari_localdisc.tasks.encoder import AUTO as AUTOMATIC
from napari_localdisc.tasks.encoder import EncoderChoice, HeldEncoder


@pytest.fixture
def encoder():
    card = EncoderCard(name="tiny", modality="phantoms", channels=1, widths=(4, 4), clusters=3)
    return Encoder(card, card.build())


class TestEncoderChoice:
    def test_the_held_encoder_is_not_loaded_again(self, encoder):
        held = HeldEncoder("tiny", encoder)
        assert EncoderChoice("tiny", held).obtain(None) is held

    def test_a_path_is_loaded(self, encoder, tmp_path):
        path = tmp_path / "tiny.safetensors"
        save_encoder(encoder, path)
        held = EncoderChoice(str(path)).obtain(None)
        assert held.name == str(path)
        assert held.encoder.card == encoder.card

    def test_automatic_takes_the_held_one_if_it_fits(self, encoder):
        held = HeldEncoder("chest-xray", encoder)
        grey = np.random.default_rng(0).random((20, 20))
        assert EncoderChoice(AUTOMATIC, held).obtain(grey) is held

    def test_automatic_needs_an_image(self):
        with pytest.raises(LocaldiscError, match="no image"):
            EncoderChoice(AUTOMATIC).obtain(None)
