from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_localdisc as ld
from napari_localdisc.core.priors import simulate

SAMPLES = Path(__file__).parents[2] / "sample_data" / "priors"


def test_simulated_as_the_command_line_does():
    prior = ld.Prior.simulate("lungs", count=3, seed=4)
    assert isinstance(prior, ld.Prior)
    np.testing.assert_array_equal(prior.masks, simulate("lungs", 3, 4).masks)


def test_loaded_from_a_folder_and_from_a_file(tmp_path: Path):
    prior = ld.Prior.load(str(SAMPLES / "fovea"))
    assert (len(prior), prior.targets) == (6, ("fovea", "optic-disc"))
    prior.save(tmp_path / "prior.safetensors")
    again = ld.Prior.load(tmp_path / "prior.safetensors")
    assert again.targets == prior.targets
    np.testing.assert_array_equal(again.masks, prior.masks)


def test_drawn_and_varied():
    mask = np.zeros((50, 70), np.uint8)
    mask[20:35, 10:30] = 255
    prior = ld.Prior.from_masks([mask], name="heart", targets=["heart"])
    assert isinstance(prior, ld.Prior)
    varied = prior.vary(6, seed=1)
    assert (len(varied), varied.targets, varied.name) == (6, ("heart",), "heart")
    assert np.ptp(varied.masks.sum(axis=(1, 2, 3))) > 0


@pytest.mark.parametrize("name", ["lungs", "nothing"])
def test_a_folder_that_is_not_there(name: str, tmp_path: Path):
    with pytest.raises(ld.LocaldiscError, match="check the name"):
        ld.Prior.load(tmp_path / name)
    with pytest.raises(ld.LocaldiscError, match="choose one of"):
        ld.Prior.simulate("liver")
