from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import napari_localdisc as ld
from napari_localdisc.cli import main
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.stores.segmenters import save_segmenter, segmenter_digest

IMAGES = [xray_phantom(seed, 64).image for seed in range(3)]


@pytest.mark.usefixtures("hurried")
class TestGuide:
    def test_on_arrays(self, encoder_file):
        events: list[ld.Progress] = []
        prior = ld.Prior.simulate("lungs", 4)
        found = ld.guide(IMAGES, prior, encoder_file, quick=True, on_progress=events.append)
        assert found.segmenter.targets == ("lungs",)
        assert found.kl > 0
        assert found.warnings  # so little effort finds nothing like a lung
        previews = [event.payload for event in events if event.stage == "preview"]
        assert previews[-1].shape == (64, 64)
        assert found.segmenter.segment(IMAGES[0]).probabilities.shape == (2, 64, 64)

    def test_on_files_as_the_command_line_does(self, encoder_file, xray_files, tmp_path: Path):
        out, folder = tmp_path / "s.safetensors", xray_files[0].parent
        options = ["--prior", "lungs", "--encoder", str(encoder_file), "--seed", "3", "--quick"]
        assert main(["guide", str(folder), "-o", str(out), "-q", "--device", "cpu", *options]) == 0
        found = ld.guide(folder, "lungs", encoder_file, seed=3, quick=True, device="cpu")
        assert segmenter_digest(found.segmenter) == segmenter_digest(ld.load_segmenter(out, "cpu"))

    def test_a_damaged_file_is_a_warning(self, encoder_file, xray_files):
        xray_files[1].write_text("no image")
        found = ld.guide(xray_files, ld.Prior.simulate("lungs", 4), encoder_file, quick=True)
        (line,) = [warning for warning in found.warnings if "passed over" in warning]
        assert xray_files[1].name in line

    def test_closing_the_steps_ends_them(self, encoder_file):
        steps = ld.guide_steps(IMAGES, ld.Prior.simulate("lungs", 4), encoder_file, quick=True)
        assert isinstance(next(steps), ld.Progress)
        steps.close()
        assert list(steps) == []

    @pytest.mark.parametrize(
        ("images", "problem"),
        [
            ([], "at least one image"),
            (["a.png", IMAGES[0]], "give paths alone"),
            ("nowhere", "does not exist"),
            ([np.zeros((2, 2, 2, 2, 2))], "image has shape"),
        ],
    )
    def test_bad_images(self, images, problem: str):
        with pytest.raises(ld.LocaldiscError, match=problem):
            ld.guide(images, ld.Prior.simulate("lungs", 4), quick=True)


class TestSegmentFolder:
    def test_masks_are_those_of_the_segmenter(self, segmenter_file, xray_files, tmp_path: Path):
        events: list[ld.Progress] = []
        segmenter = ld.load_segmenter(segmenter_file)
        report = ld.segment_folder(
            xray_files[0].parent, tmp_path / "out", segmenter, events.append, confidence=True
        )
        assert [result.path for result in report.done] == xray_files
        for result in report.done:
            found = segmenter.segment(np.asarray(PIL.Image.open(result.path)))
            np.testing.assert_array_equal(read_mask(result.output), found.labels)
        assert (tmp_path / "out" / "report.csv").is_file()
        assert (tmp_path / "out" / "confidence" / "xray-0.png").is_file()
        assert {event.stage for event in events} == {"segment", "overview"}

    def test_the_same_call_goes_on_and_another_is_refused(
        self, segmenter_file, xray_files, tmp_path: Path
    ):
        out = tmp_path / "out"
        ld.segment_folder(xray_files[:2], out, segmenter_file)
        again = ld.segment_folder([str(path) for path in xray_files], str(out), str(segmenter_file))
        assert (len(again.kept), len(again.done)) == (2, 3)
        with pytest.raises(ld.LocaldiscError, match="overwrite"):
            ld.segment_folder(xray_files, out, "lungs")
        assert not ld.segment_folder(xray_files, out, "lungs", overwrite=True).kept

    def test_a_damaged_file_stops_nothing(self, segmenter_file, xray_files, tmp_path: Path):
        xray_files[1].write_text("no image")
        report = ld.segment_folder(xray_files, tmp_path / "out", segmenter_file)
        assert [result.path for result in report.failed] == [xray_files[1]]
        assert len(report.done) == 2

    def test_sub_folders(self, segmenter_file, xray_files, tmp_path: Path):
        folder = xray_files[0].parent
        (folder / "more").mkdir()
        xray_files[2].rename(folder / "more" / "xray-2.png")
        report = ld.segment_folder(folder, tmp_path / "out", segmenter_file, recursive=True)
        outputs = {result.output.relative_to(tmp_path / "out").as_posix() for result in report.done}
        assert outputs == {"xray-0.png", "xray-1.png", "more/xray-2.png"}


def test_a_segmenter_is_loaded_onto_its_device(segmenter_file, tmp_path: Path):
    segmenter = ld.load_segmenter(segmenter_file, device="cpu")
    assert segmenter.device.type == "cpu"
    save_segmenter(segmenter, tmp_path / "again.safetensors")
    assert ld.load_segmenter(str(tmp_path / "again.safetensors")).targets == ("lungs",)
    with pytest.raises(ld.LocaldiscError, match="neither shipped"):
        ld.load_segmenter("liver")
