from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SAMPLES = Path(__file__).parents[1] / "sample_data"
FOLDERS = ("chest-xray", "fundus", "priors")


def pictures(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*.png"))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The sample data, made anew."""
    folder = tmp_path_factory.mktemp("samples")
    runpy.run_path(str(SAMPLES / "make.py"))["make"](folder)
    return folder


def test_script_makes_the_files_that_are_here(fresh):
    assert pictures(fresh) == pictures(SAMPLES)
    for name in pictures(fresh):
        made, kept = (np.asarray(Image.open(folder / name)) for folder in (fresh, SAMPLES))
        np.testing.assert_array_equal(made, kept, err_msg=str(name))


def test_every_mask_belongs_to_an_image_and_is_of_its_size():
    for kind, structures in (("chest-xray", ["lungs"]), ("fundus", ["vessels", "optic-disc"])):
        images = sorted((SAMPLES / kind).glob("*.png"))
        assert len(images) == 6
        for path in images:
            for structure in structures:
                mask = np.asarray(Image.open(path.parent / structure / path.name))
                assert mask.shape == np.asarray(Image.open(path)).shape[:2]
                assert set(np.unique(mask)) == {0, 255}


def test_priors_show_other_patients_than_the_images():
    truth = [np.asarray(Image.open(p)) > 0 for p in (SAMPLES / "chest-xray/lungs").glob("*.png")]
    for path in (SAMPLES / "priors/drawn-lungs").glob("*.png"):
        drawn = np.asarray(Image.open(path)) > 0
        assert all((drawn != mask).mean() > 0.01 for mask in truth)


def test_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*.png")) < 3e6
