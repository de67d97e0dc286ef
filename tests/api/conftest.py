from __future__ import annotations

import pytest

from napari_localdisc.core.guidance.config import GuideConfig


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, effort: GuideConfig) -> None:
    """Let quick guidance do the least that it can."""
    monkeypatch.setattr(
        GuideConfig, "quick", lambda seed=0: effort.model_copy(update={"seed": seed})
    )
