from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder, save_encoder
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.viewer.session import (
    AUTOMATIC,
    EncoderChoice,
    HeldEncoder,
    Session,
    session_of,
)


@pytest.fixture
def encoder():
    card = EncoderCard(name="tiny", modality="phantoms", channels=1, widths=(4, 4), clusters=3)
    return Encoder(card, card.build())


@pytest.fixture
def session():
    return Session()


def heard(signal):
    emitted = []
    signal.connect(emitted.append)
    return emitted


class TestSession:
    def test_changes_are_announced_once(self, session):
        devices = heard(session.device_changed)
        session.device = "cpu"
        session.device = "cpu"
        assert devices == ["cpu"]

    def test_priors_are_told_apart_by_identity(self, session):
        priors = heard(session.prior_changed)
        first, second = (Prior.from_masks([np.eye(8)], "same") for _ in range(2))
        session.prior = first
        session.prior = first
        session.prior = second
        assert [prior is second for prior in priors] == [False, True]

    def test_a_held_encoder_is_announced_and_unloaded(self, session, encoder):
        encoders = heard(session.encoder_changed)
        session.hold(HeldEncoder("tiny", encoder))
        assert session.encoder is encoder
        session.unload()
        session.unload()
        assert session.encoder is None
        assert encoders == [encoder, None]

    def test_choosing_another_encoder_lets_go_of_the_one_held(self, session, encoder):
        session.hold(HeldEncoder("tiny", encoder))
        session.encoder_name = "tiny"
        assert session.encoder is encoder
        session.encoder_name = "other"
        assert session.encoder is None

    def test_an_encoder_that_arrives_after_another_was_chosen_is_not_kept(self, session, encoder):
        session.encoder_name = "other"
        session.hold(HeldEncoder("tiny", encoder))
        assert session.encoder is None


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


class TestSessionOf:
    def test_one_for_each_viewer(self):
        first, second = ViewerModel(), ViewerModel()
        assert session_of(first) is session_of(first)
        assert session_of(first) is not session_of(second)

    def test_the_proxy_that_plugins_get_stands_for_its_viewer(self):
        viewer = ViewerModel()
        assert session_of(PublicOnlyProxy(viewer)) is session_of(viewer)

    def test_it_goes_with_its_viewer(self):
        viewer = ViewerModel()
        session = weakref.ref(session_of(viewer))
        del viewer
        gc.collect()
        assert session() is None
