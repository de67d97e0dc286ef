from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.cli.commands import demo
from napari_localdisc.core.guidance.guidance import GuideConfig


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, effort: GuideConfig) -> None:
    """Fewer and smaller phantoms and less effort: enough to go all the way."""
    monkeypatch.setattr(GuideConfig, "quick", lambda: effort)
    monkeypatch.setattr(demo, "_COUNT", 2)
    monkeypatch.setattr(demo, "_SIZE", 64)


def test_the_demo_finds_what_it_painted(command, small, tmp_path: Path):
    result = command("demo", "-o", tmp_path / "demo", "--no-viewer")
    assert result.code == 0
    scores = {line.split(":")[0]: line for line in result.out.splitlines() if ": Dice" in line}
    assert set(scores) == {"lungs", "vessels", "optic-disc"}
    for target in scores:
        folder = tmp_path / "demo" / target
        assert (folder / "overview.png").exists()
        assert len(list(folder.glob("*-[12].png"))) == 2
    assert (tmp_path / "demo" / "truth" / "optic-disc" / "fundus-2.png").exists()


def test_the_demo_refuses_a_file_as_folder(command, tmp_path: Path):
    (tmp_path / "file").touch()
    result = command("demo", "-o", tmp_path / "file", "--no-viewer")
    assert result.code == 2
    assert "is a file" in result.err
