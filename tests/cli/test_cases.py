"""The command on the cases of public bug reports: a right mask, or one line that helps."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.formats.masks import read_mask
from tests.cases import case
from tests.cli.conftest import Outcome

Segment = Callable[..., list[dict[str, str]]]


@pytest.fixture
def segment(command: Callable[..., Outcome], tmp_path: Path) -> Segment:
    """Segment by a shipped segmenter; returns the rows of the report."""

    def run(*paths: object, code: int = 0, by: str = "lungs") -> list[dict[str, str]]:
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        outcome = command("segment", *paths, "-o", out, "--segmenter", by, "--device", "cpu")
        assert outcome.code == code, outcome.err
        run.said = outcome.err
        with (out / "report.csv").open(encoding="utf-8-sig") as report:
            rows = list(csv.DictReader(report))
        return [row | {"output": str(out / row["output"])} for row in rows]

    return run


def _mask(row: dict[str, str]) -> np.ndarray:
    return read_mask(row["output"], may_be_stack=True)


def _agrees(found: np.ndarray, other: np.ndarray) -> bool:
    both = 2 * np.count_nonzero((found > 0) & (other > 0))
    return bool(both > 0.99 * (np.count_nonzero(found) + np.count_nonzero(other)))


def test_01_ophthalmic_photography(segment: Segment):
    (row,) = segment(case(1) / "o_op_conform.dcm", by="optic-disc")
    assert row["output"].endswith(".dcm")
    assert _mask(row).any()


@pytest.mark.parametrize(
    ("number", "odd"),
    [
        (3, ["c_ISO-2022-IR-6.dcm"]),
        (5, ["s_sex_NA.dcm", "s_sex_U.dcm"]),
        (12, ["c_rescale_empty.dcm"]),
        (13, ["d_nopreamble.dcm"]),
        (23, ["d_window_white.dcm"]),
        (25, ["d_pixelspacing_missing.dcm", "d_slicethickness_missing.dcm"]),
    ],
)
def test_films_whose_header_is_odd_give_the_same_lungs(segment: Segment, number: int, odd: list):
    files = [case(number) / name for name in odd]
    plain, *rows = segment(case(3) / "d_ok.dcm", *files)
    assert [_agrees(_mask(row), _mask(plain)) for row in rows] == [True] * len(odd)
    if number in (5, 23, 25):
        assert all(row["notes"] for row in rows)
        assert "notes, in the column notes of report.csv" in segment.said
    else:
        assert not any(row["notes"] for row in rows)


def test_07_files_named_by_uid(segment: Segment):
    assert len(segment(case(7) / "uid")) == 2
    (row,) = segment(case(7) / "ser3")
    assert len(_mask(row)) == 4


def test_15_and_17_tiff_of_rare_depths(segment: Segment):
    plain, deep, predicted = segment(
        case(15) / "t_ok.tif", case(15) / "t_lzw_u32.tif", case(17) / "t_zlib_f32_pred.tif"
    )
    assert _agrees(_mask(deep), _mask(plain))
    assert _agrees(_mask(predicted), _mask(plain))


def test_19_a_composite_is_one_colour_image(segment: Segment):
    (row,) = segment(case(19) / "t_ij_composite_rgb.tif", by="optic-disc")
    assert row["output"].endswith(".png")
    assert _mask(row).ndim == 2


def test_21_what_is_read_and_what_is_passed_over_is_told(segment: Segment):
    rows = segment(case(21) / "mixed")
    assert len(rows) == 7
    assert "passed over" not in segment.said


def test_22_a_disc_with_its_directory(segment: Segment, command: Callable[..., Outcome]):
    (row,) = segment("-r", case(22) / "cd")
    assert _mask(row).any()
    assert "1 file is no image and passed over" in segment.said


def test_27_a_nifti_pair(segment: Segment):
    header, pixels = segment(case(27) / "n_pair.hdr", case(27) / "n_pair.img")
    assert header["output"].endswith(".nii.gz")
    assert np.array_equal(_mask(header), _mask(pixels))
    assert _agrees(_mask(header), _mask(segment(case(9) / "n_ok.nii.gz")[0]))


def test_29_an_enhanced_object(segment: Segment):
    highdicom = pytest.importorskip("highdicom")
    (row,) = segment(case(29) / "d_enhanced.dcm")
    mask = highdicom.imread(row["output"])
    assert set(np.unique(mask.get_frame(2))) == {0, 1}
