from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.datasets.set_list import SetSpec, choose_sets, read_sets

LISTED = """
[drive]
images = "a/images"
masks = "a/masks"
fov = "/elsewhere/fov"
test_images = "b/images"
test_masks = "b/masks"
size = 512

[lungs]
images = "c/images"
masks = "c/masks"
train = 3
turns = "mirror"
"""


def listed(tmp_path: Path, text: str = LISTED) -> Path:
    path = tmp_path / "sets.toml"
    path.write_text(text)
    return path


class TestFile:
    def test_folders_are_relative_to_the_data(self, tmp_path):
        drive, lungs = read_sets(listed(tmp_path), Path("/data"))
        assert drive.images == Path("/data/a/images")
        assert drive.fov == Path("/elsewhere/fov")
        assert drive.test_masks == Path("/data/b/masks")
        assert (drive.size, lungs.size, lungs.train, lungs.turns) == (512, 256, 3, "mirror")

    def test_without_data_they_are_relative_to_the_file(self, tmp_path):
        assert read_sets(listed(tmp_path))[1].masks == tmp_path / "c/masks"

    def test_the_sets_of_the_benchmark(self):
        path = Path(__file__).parents[2] / "benchmarks" / "sets.toml"
        assert [spec.name for spec in read_sets(path)] == [
            "drive",
            "chase",
            "drishti-cup",
            "drishti-disc",
            "haemorrhages",
            "hard-exudates",
            "lungs",
        ]

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("[drive", "is not a TOML file"),
            ("", "lists no set"),
            ("size = 3", "'size' outside a table"),
            ("[a]\nimages = 'x'", "set a in"),
            ("[a]\nimages = 'x'\nmasks = 'y'\nsise = 3", "sise"),
            ("[a]\nimages = 'x'\nmasks = 'y'\nsize = 100", "multiple of 8"),
            ("[a]\nimages = 'x'\nmasks = 'y'\nturns = 'all'", "turns"),
            ("[a]\nimages = 'x'\nmasks = 'y'\ntest_images = 'z'", "name both"),
            ("[a]\nimages = 'x'\nmasks = 'y'\ngroup = '('", "no regular expression"),
            ("[a]\nimages = 'x'\nmasks = 'y'\ngroup = 'x'", "no group in parentheses"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, text: str, named: str):
        with pytest.raises(LocaldiscError, match=named):
            read_sets(listed(tmp_path, text))

    def test_no_file(self, tmp_path):
        with pytest.raises(LocaldiscError, match=r"gone\.toml cannot be read"):
            read_sets(tmp_path / "gone.toml")


class TestChoosing:
    known = (
        SetSpec(name="drive", images="i", masks="m"),
        SetSpec(name="lungs", images="j", masks="n"),
    )

    def names(self, *words: str) -> list[str]:
        return [spec.name for spec in choose_sets(words, (), self.known, 128)]

    def test_all_that_are_listed(self):
        assert self.names() == ["drive", "lungs"]

    def test_one_of_them(self):
        assert self.names("lungs") == ["lungs"]

    def test_others_are_added(self):
        assert self.names("stare=a:b") == ["drive", "lungs", "stare"]
        assert self.names("lungs", "stare=a:b") == ["lungs", "stare"]

    def test_a_description(self):
        (spec,) = choose_sets(["a=i/x:m/y:f"], ["a=ti:tm"], (), 128)
        assert (spec.images, spec.masks, spec.fov) == (Path("i/x"), Path("m/y"), Path("f"))
        assert (spec.test_images, spec.test_masks, spec.test_fov) == (Path("ti"), Path("tm"), None)
        assert spec.size == 128

    @pytest.mark.parametrize(
        ("words", "tests", "named"),
        [
            (["stare"], [], r"'stare' is unknown \(those listed are drive, lungs\)"),
            (["a=only"], [], "--set a=only is not of the form NAME=IMAGES:MASKS"),
            (["a=i:m:f:x"], [], "not of the form"),
            (["a=i:"], [], "not of the form"),
            (["a b=i:m"], [], "not of the form"),
            (["a=i:m", "a=j:n"], [], "set a is described twice"),
            (["drive=i:m"], [], "set drive is described twice"),
            ([], ["a=i:m"], "--test-set a has no --set"),
            (["a=i:m"], ["a=i"], "--test-set a=i is not of the form"),
        ],
    )
    def test_what_is_wrong_is_named(self, words, tests, named: str):
        with pytest.raises(LocaldiscError, match=named):
            choose_sets(words, tests, self.known, 64)

    def test_nothing_at_all(self):
        with pytest.raises(LocaldiscError, match="no labelled set was given"):
            choose_sets([], [], [], 64)
