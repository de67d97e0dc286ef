"""A short run of what `benchmarks/fuzz.py` does for long: no parser of ours falls over."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.fuzzing import TARGETS, blind

COUNT = 60


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files_are_taken_or_refused(name: str):
    taken, refused = blind(name, COUNT)
    assert taken + refused == COUNT
    assert refused > 0 or name == "words"


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_good(name: str, tmp_path: Path):
    (tmp_path / "seeds").mkdir()
    seeds = TARGETS[name].seeds(tmp_path / "seeds")
    assert seeds
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            assert TARGETS[name].run(seed, Path(folder))
