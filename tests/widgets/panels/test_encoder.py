from __future__ import annotations

from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.widgets.panels.encoder import EncoderPanel, card_text


def test_load_shows_the_card_and_unload_forgets_it(
    open_panel, click, finish, viewer, session, encoder_file
):
    panel = open_panel(EncoderPanel, viewer)
    assert not panel.unload_button.isEnabled()
    click(panel.run_row.button)
    finish(panel)
    assert session.encoder.card.name == "tiny"
    assert "tiny, version 1" in panel.card.text()
    click(panel.unload_button)
    assert session.encoder is None
    assert "No encoder is in memory" in panel.card.text()


def test_a_file_that_is_no_encoder(open_panel, click, finish, viewer, session, notes, tmp_path):
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_text("not an encoder")
    panel = open_panel(EncoderPanel, viewer)
    panel.encoder_row.choose_file(wrong)
    click(panel.run_row.button)
    finish(panel)
    assert session.encoder is None
    assert "wrong.safetensors" in notes[-1].message
    assert panel.run_row.button.text() == "Load"
    assert panel.run_row.button.isEnabled()


def test_automatic_without_an_image(open_panel, click, finish, viewer, session, notes):
    panel = open_panel(EncoderPanel, viewer)
    session.encoder_name = "auto"
    click(panel.run_row.button)
    finish(panel)
    assert "no image" in notes[-1].message


def test_the_card_is_escaped(encoder_file):
    card = load_encoder(encoder_file).card.model_copy(update={"modality": "<b>bold</b>"})
    assert "<b>" not in card_text(card)
