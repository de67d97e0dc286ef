from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.stores import priors
from napari_localdisc.stores.priors import load_prior


def _mask(path: Path, shape: tuple[int, int] = (40, 40), value: int = 255) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(shape, np.uint8)
    mask[5:20, 5:20] = value
    PIL.Image.fromarray(mask).save(path)


def test_a_built_in_name_is_simulated_by_seed():
    first, again, other = (load_prior("lungs", 2, seed) for seed in (1, 1, 2))
    assert first.targets == ("lungs",)
    np.testing.assert_array_equal(first.masks, again.masks)
    assert (first.masks != other.masks).any()


def test_a_folder_of_masks_is_one_target_of_its_name(tmp_path: Path):
    _mask(tmp_path / "vein" / "1.png")
    _mask(tmp_path / "vein" / "2.png", shape=(80, 60))
    (tmp_path / "vein" / "notes.txt").touch()
    prior = load_prior(tmp_path / "vein")
    assert prior.targets == ("vein",)
    assert len(prior) == 2


def test_a_folder_of_folders_has_one_target_each(tmp_path: Path):
    for target in ("disc", "cup"):
        for stem in ("a", "b", "c"):
            _mask(tmp_path / target / f"{stem}.png")
    _mask(tmp_path / "cup" / "b.png", value=0)
    prior = load_prior(str(tmp_path))
    assert prior.targets == ("cup", "disc")
    assert prior.masks.any(axis=(2, 3)).tolist() == [[True, True], [False, True], [True, True]]


def test_of_many_masks_some_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(priors, "MOST_REFERENCES", 3)
    for index in range(7):
        _mask(tmp_path / f"{index}.png")
    assert len(load_prior(tmp_path)) == 3


def test_a_folder_wins_over_the_built_in_name_when_its_path_is_given(tmp_path: Path):
    _mask(tmp_path / "lungs" / "1.png")
    assert len(load_prior(tmp_path / "lungs")) == 1


def _without_foreground(folder: Path) -> None:
    _mask(folder / "1.png", value=0)


def _without_background(folder: Path) -> None:
    _mask(folder / "1.png")
    PIL.Image.new("L", (40, 40), 255).save(folder / "2.png")


def _of_two_sizes(folder: Path) -> None:
    _mask(folder / "disc" / "1.png")
    _mask(folder / "cup" / "1.png", shape=(40, 41))


def _without_partner(folder: Path) -> None:
    _mask(folder / "disc" / "1.png")
    _mask(folder / "cup" / "2.png")


def _mixed(folder: Path) -> None:
    _mask(folder / "1.png")
    _mask(folder / "cup" / "1.png")


def _twice(folder: Path) -> None:
    _mask(folder / "1.png")
    _mask(folder / "1.bmp")


def _unreadable(folder: Path) -> None:
    (folder / "1.png").write_text("no mask")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_without_foreground, "no foreground pixel"),
        (_without_background, r"2\.png has no background"),
        (_of_two_sizes, "40 x 40 pixels and .* 41 x 40|41 x 40 pixels and .* 40 x 40"),
        (_without_partner, "no mask '1' for target 'cup'"),
        (_mixed, "both masks and folders"),
        (_twice, "two masks of one name"),
        (_unreadable, "not an image"),
        (Path.touch, "holds no mask"),
    ],
)
def test_bad_priors_are_named(tmp_path: Path, make, says: str):
    make(tmp_path)
    with pytest.raises(LocaldiscError, match=says) as caught:
        load_prior(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(LocaldiscError, match=", ".join(BUILT_IN_PRIORS)):
        load_prior("kidneys")
