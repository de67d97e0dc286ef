from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy

from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.viewer.session import Session, session_of


@pytest.fixture
def held():
    card = EncoderCard(name="tiny", modality="phantoms", channels=1, widths=(4, 4), clusters=3)
    return HeldEncoder("tiny", card, "digest")


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

    def test_a_held_encoder_is_announced_and_unloaded(self, session, held):
        encoders = heard(session.encoder_changed)
        session.hold(held)
        assert session.encoder is held
        session.unload()
        session.unload()
        assert session.encoder is None
        assert encoders == [held, None]

    def test_choosing_another_encoder_lets_go_of_the_one_held(self, session, held):
        session.hold(held)
        session.encoder_name = "tiny"
        assert session.encoder is held
        session.encoder_name = "other"
        assert session.encoder is None

    def test_an_encoder_that_arrives_after_another_was_chosen_is_not_kept(self, session, held):
        session.encoder_name = "other"
        session.hold(held)
        assert session.encoder is None


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
