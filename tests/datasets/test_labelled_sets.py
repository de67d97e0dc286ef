from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.datasets.labelled_sets import check_result_folder, list_set, read_set
from napari_localdisc.datasets.phantom_files import write_phantoms
from napari_localdisc.datasets.set_list import SetSpec


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path)


def grey_set(folder: Path, names: list[str], value: int = 255) -> SetSpec:
    """Images with a number in a corner, and a square in each mask."""
    for number, name in enumerate(names):
        pixels = np.full((40, 60), 90)
        pixels[0, 0] = number
        truth = np.zeros((40, 60))
        truth[10:20, 10:30] = value
        save(folder / "images" / f"{name}.png", pixels)
        save(folder / "masks" / f"{name}_manual.png", truth)
    return SetSpec(name="squares", images=folder / "images", masks=folder / "masks", size=64)


NAMES = [f"{number:02d}_case" for number in range(8)]


class TestDividing:
    def test_half_and_half_always_alike(self, tmp_path):
        spec = grey_set(tmp_path, NAMES)
        files = list_set(spec)
        train, test = ({pair.image.name for pair in part} for part in (files.train, files.test))
        assert (len(train), len(test), len(train | test)) == (4, 4, 8)
        assert list_set(spec) == files
        others = [list_set(spec.model_copy(update={"split_seed": seed})) for seed in range(1, 5)]
        assert any(other.train != files.train for other in others)

    @pytest.mark.parametrize(("train", "count"), [(3, 3), (0.25, 2), (7, 7), (0.01, 1)])
    def test_number_or_share(self, tmp_path, train, count):
        spec = grey_set(tmp_path, NAMES).model_copy(update={"train": train})
        assert len(list_set(spec).train) == count
        assert len(list_set(spec).test) == 8 - count

    def test_at_most_so_many_to_be_judged_by(self, tmp_path):
        spec = grey_set(tmp_path, NAMES).model_copy(update={"test": 2})
        assert len(list_set(spec).test) == 2

    @pytest.mark.parametrize("seed", range(5))
    def test_one_person_is_not_split(self, tmp_path, seed):
        names = [f"case_{number}{side}" for number in range(5) for side in "LR"]
        spec = grey_set(tmp_path, names).model_copy(
            update={"group": r"case_(\d+)", "split_seed": seed}
        )
        files = list_set(spec)
        people = [{pair.image.name[:6] for pair in part} for part in (files.train, files.test)]
        assert not people[0] & people[1]
        assert len(files.train) + len(files.test) == 10

    def test_test_folders(self, tmp_path):
        spec = grey_set(tmp_path / "a", NAMES)
        other = grey_set(tmp_path / "b", ["91_case", "92_case"])
        both = spec.model_copy(update={"test_images": other.images, "test_masks": other.masks})
        files = list_set(both)
        assert len(files.train) == 8
        assert [pair.image.name for pair in files.test] == ["91_case.png", "92_case.png"]

    def test_masks_belong_to_their_images(self, tmp_path):
        for pair in list_set(grey_set(tmp_path, NAMES)).train:
            assert pair.image.name[:2] == pair.mask.name[:2]

    def test_images_without_a_mask_are_told(self, tmp_path):
        spec = grey_set(tmp_path, NAMES)
        (tmp_path / "masks" / "03_case_manual.png").unlink()
        files = list_set(spec)
        assert [path.name for path in files.unmatched] == ["03_case.png"]
        assert len(files.train) + len(files.test) == 7


class TestReading:
    def test_everything_on_its_canvas(self, tmp_path):
        labelled = drain(read_set(list_set(grey_set(tmp_path, NAMES))))
        assert (labelled.name, labelled.size, labelled.turns) == ("squares", 64, "mirror")
        assert (len(labelled.train), len(labelled.test)) == (4, 4)
        image = labelled.train[0]
        assert image.truth.shape == (64, 64)
        scale = 64 / 60
        assert image.truth.sum() == pytest.approx(10 * 20 * scale**2, rel=0.1)
        assert image.field.sum() == 64 * round(40 * scale)

    def test_colour_images_may_be_turned(self, tmp_path):
        files = write_phantoms(tmp_path, "fundus", 2, 64)
        truth = files.truths["optic-disc"][0].parent
        spec = SetSpec(name="discs", images=files.images[0].parent, masks=truth, size=64)
        labelled = drain(read_set(list_set(spec)))
        assert labelled.turns == "square"
        assert not labelled.train[0].field[0, 0]
        fixed = drain(read_set(list_set(spec.model_copy(update={"turns": "none"}))))
        assert fixed.turns == "none"

    def test_fields_of_view(self, tmp_path):
        spec = grey_set(tmp_path, NAMES[:2])
        for name in NAMES[:2]:
            field = np.zeros((40, 60))
            field[:, :20] = 255
            save(tmp_path / "fov" / f"{name}_mask.png", field)
        labelled = drain(read_set(list_set(spec.model_copy(update={"fov": tmp_path / "fov"}))))
        inside = labelled.train[0].field
        assert inside.any(axis=0).sum() == pytest.approx(20 * 64 / 60, abs=1)
        assert not (labelled.train[0].truth & ~inside).any()

    def test_a_few_always_the_same(self, tmp_path):
        files = list_set(grey_set(tmp_path, NAMES))
        events = []
        few = drain(read_set(files, 2, 3), events.append)
        assert (len(few.train), len(few.test), len(events)) == (2, 3, 5)
        again = drain(read_set(files, 2, 3))
        assert [one.name for one in few.train] == [one.name for one in again.train]


class TestWrongSets:
    def wrong(self, spec: SetSpec) -> str:
        with pytest.raises(LocaldiscError) as caught:
            drain(read_set(list_set(spec)))
        return str(caught.value)

    def test_missing_folder(self, tmp_path):
        spec = grey_set(tmp_path, NAMES)
        gone = tmp_path / "gone"
        assert f"{gone} does not exist" in self.wrong(spec.model_copy(update={"masks": gone}))

    def test_nothing_matches(self, tmp_path):
        spec = grey_set(tmp_path, ["a", "b"])
        other = grey_set(tmp_path / "other", ["x", "y"])
        message = self.wrong(spec.model_copy(update={"masks": other.masks}))
        assert f"set squares: no image in {spec.images} matches a mask in {other.masks}" in message

    @pytest.mark.parametrize(("value", "what"), [(0, "empty"), (255, "full")])
    def test_masks_that_show_nothing(self, tmp_path, value, what):
        spec = grey_set(tmp_path, NAMES)
        for name in NAMES:
            save(tmp_path / "masks" / f"{name}_manual.png", np.full((40, 60), value))
        assert f"set squares: all 4 masks read from {spec.masks} are {what}" in self.wrong(spec)

    def test_another_size(self, tmp_path):
        spec = grey_set(tmp_path, NAMES)
        for name in NAMES:
            save(tmp_path / "masks" / f"{name}_manual.png", np.eye(50) * 255)
        message = self.wrong(spec)
        assert "is 60 x 40 pixels" in message
        assert "is 50 x 50" in message

    def test_a_field_of_view_is_missing(self, tmp_path):
        spec = grey_set(tmp_path, NAMES)
        for name in NAMES[1:]:
            save(tmp_path / "fov" / f"{name}.png", np.ones((40, 60)))
        message = self.wrong(spec.model_copy(update={"fov": tmp_path / "fov"}))
        assert "00_case.png has no field of view" in message

    def test_nothing_is_left_to_be_judged_by(self, tmp_path):
        spec = grey_set(tmp_path, NAMES).model_copy(update={"train": 8})
        assert "set squares has 8 labelled images and none is left" in self.wrong(spec)


@pytest.mark.parametrize("part", ["images", "masks"])
def test_results_do_not_go_where_the_set_lies(tmp_path, part):
    files = list_set(grey_set(tmp_path, NAMES))
    with pytest.raises(LocaldiscError, match="which a result could replace"):
        check_result_folder(tmp_path / part, [files])
    check_result_folder(tmp_path / "new", [files])
