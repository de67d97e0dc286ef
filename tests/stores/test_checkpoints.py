from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import save_tensors
from napari_localdisc.core.pretraining.training_state import TrainingState
from napari_localdisc.stores.checkpoints import CheckpointFile, Interval

STATE = TrainingState(
    {"config": {"tau": 0.1}}, 30, 1.5, {"dict": [["x", {"tensor": "x"}]]}, {"x": torch.arange(3)}
)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / "e.safetensors.checkpoint", Interval(steps=10))


class TestFile:
    def test_round_trip(self, store: CheckpointFile):
        assert store.load() is None
        store.save(STATE)
        found = store.load()
        assert (found.recipe, found.step, found.seconds) == (STATE.recipe, 30, 1.5)
        assert found.plain == STATE.plain
        assert torch.equal(found.tensors["x"], STATE.tensors["x"])

    def test_removal_takes_what_kills_left_and_nothing_else(self, store: CheckpointFile):
        store.save(STATE)
        torn = store.path.with_name(f".{store.path.name}.abcd_123.part")
        other = store.path.with_name(".other.safetensors.checkpoint.abcd_123.part")
        for path in (torn, other):
            path.touch()
        store.remove()
        store.remove()
        assert list(store.path.parent.iterdir()) == [other]

    def test_what_is_none_is_named(self, store: CheckpointFile, encoder_file: Path):
        store.path.write_bytes(encoder_file.read_bytes())
        with pytest.raises(LocaldiscError, match="of kind 'encoder'"):
            store.load()
        store.path.write_text("torn")
        with pytest.raises(LocaldiscError, match="not a readable checkpoint"):
            store.load()
        save_tensors(store.path, "checkpoint", '{"step": 3}', {})
        with pytest.raises(LocaldiscError, match=r"not a complete checkpoint.*delete it"):
            store.load()


class TestInterval:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("200", Interval(steps=200)),
            ("90s", Interval(seconds=90)),
            ("5m", Interval(seconds=300)),
            (" 1h ", Interval(seconds=3600)),
            ("0", Interval()),
        ],
    )
    def test_parse(self, text: str, wanted: Interval):
        assert Interval.parse(text) == wanted

    @pytest.mark.parametrize("text", ["", "m", "-5", "1.5h", "5 minutes"])
    def test_what_is_none_is_told(self, text: str):
        with pytest.raises(LocaldiscError, match="200, a time such as 90s"):
            Interval.parse(text)

    def test_steps(self, store: CheckpointFile):
        assert [step for step in range(1, 31) if store.due(step)] == [10, 20, 30]

    def test_time_since_the_last_one(self, tmp_path: Path):
        store = CheckpointFile(tmp_path / "x", Interval(seconds=0.05))
        assert not store.due(1)
        time.sleep(0.06)
        assert store.due(2)
        store.save(STATE)
        assert not store.due(3)

    def test_never(self, tmp_path: Path):
        assert not any(CheckpointFile(tmp_path / "x", Interval()).due(step) for step in range(99))
