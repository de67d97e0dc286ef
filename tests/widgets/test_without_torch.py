"""The window's process computes nothing, and so has no need of torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest

from napari_localdisc.core.phantoms import xray_phantom

SCRIPT = Path(__file__).parent / "scripts" / "use_everything.py"


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    for seed in range(3):
        PIL.Image.fromarray(xray_phantom(seed, 64).image).save(folder / f"{seed}.png")
    return folder


def test_all_panels_at_work(films, encoder_file, segmenter_file, tmp_path):
    """Opens and uses every panel, two of them at once while Qt has a single thread to spare."""
    run = [sys.executable, str(SCRIPT), films, encoder_file, segmenter_file, tmp_path / "masks"]
    ended = subprocess.run([str(word) for word in run], capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["heavy"] == []
    assert {"0 clusters", "0 lungs", "0 similarity"} <= set(found["layers"])
    assert sorted(path.name for path in (tmp_path / "masks").glob("?.png")) == [
        "0.png",
        "1.png",
        "2.png",
    ]
    assert found["at once"] == ["guided segmentation of lungs", "the folder masks"]
    assert found["longest gap"] < 5  # a window that waits for a job stands still for its whole time
