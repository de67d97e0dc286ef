"""A session gives without a window what it gives in one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch.outputs import SEGMENTER
from napari_localdisc.core.guidance.guidance import GuideConfig
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.priors import simulate
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.stores.segmenters import load_segmenter, segmenter_digest
from napari_localdisc.stores.session_files import (
    ImageRecord,
    Place,
    SavedSession,
    SessionRecord,
    write_session,
)
from napari_localdisc.tasks import guide as task
from napari_localdisc.tasks.guide import guide_on_planes
from napari_localdisc.tasks.run_session import Instead, SessionOutput, run_session

PLACE = Place(
    scale=(1, 1),
    translate=(0, 0),
    rotate=((1, 0), (0, 1)),
    shear=(0,),
    affine=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    units=("pixel", "pixel"),
    axis_labels=("-2", "-1"),
)
PLANES = [xray_phantom(seed, 64).image for seed in range(4)]


@pytest.fixture(autouse=True)
def _little_effort(monkeypatch: pytest.MonkeyPatch, effort: GuideConfig) -> None:
    monkeypatch.setattr(GuideConfig, "quick", lambda: effort)


@pytest.fixture
def prior():
    return simulate("lungs", 4, size=64)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "images" / "stack.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.stack(PLANES), photometric="minisblack")
    return path


def image(path: Path, **more: object) -> ImageRecord:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ImageRecord(name=path.stem, path=str(path), nth=0, sha256=digest, place=PLACE, **more)


def saved(tmp_path: Path, prior, encoder_file: Path, *images: ImageRecord, **more: object) -> Path:
    path = tmp_path / "a.localdisc"
    record = SessionRecord(
        encoder=str(encoder_file), device="cpu", seed=3, quick=True, images=images, **more
    )
    write_session(SavedSession(record, prior), path)
    return path


def guided(order, prior, encoder_file, effort, most: int = 40) -> str:
    """Guide as the panel does, on planes in this order."""
    config = effort.model_copy(update={"seed": 3, "max_images": most})
    planes = [PLANES[index] for index in order]
    run = guide_on_planes(planes, prior, encoder_file, config, "cpu")
    return segmenter_digest(drain(run).segmenter)


def run(session: Path, out: Path, **instead: object):
    return drain(run_session(session, SessionOutput(out), Instead(**instead)))


@pytest.mark.parametrize(
    ("shown", "settings", "order"),
    [
        ({}, {}, (2, 0, 1, 3)),
        ({"plane": 1}, {}, (1, 0, 2, 3)),
        ({"plane": 1}, {"every_plane": False}, (1,)),
        ({}, {"guide_images": 2}, (2, 0, 1, 3)),
    ],
)
def test_the_planes_of_a_stack_guide_as_in_the_panel(
    stack, prior, encoder_file, effort, tmp_path: Path, shown, settings, order
):
    session = saved(tmp_path, prior, encoder_file, image(stack, **shown), **settings)
    result = run(session, tmp_path / "out")
    most = settings.get("guide_images", 40)
    wanted = guided(order, prior, encoder_file, effort, most)
    assert segmenter_digest(result.folder.segmenter) == wanted
    assert result.folder.segmenter.recipe["images"] == min(len(order), most)
    masks = tifffile.imread(tmp_path / "out" / "stack.tif")
    assert masks.shape == (4, 64, 64)


def test_planes_in_view_come_first_and_unticked_images_do_not_guide(
    stack, prior, encoder_file, effort, tmp_path: Path
):
    single, other = (stack.with_name(f"{name}.tif") for name in ("single", "other"))
    tifffile.imwrite(single, PLANES[3])
    tifffile.imwrite(other, PLANES[0])
    images = image(stack, plane=0), image(single), image(other, guides=False)
    session = saved(tmp_path, prior, encoder_file, *images)
    result = run(session, tmp_path / "out")
    wanted = guided((0, 3, 1, 2, 3), prior, encoder_file, effort)
    assert segmenter_digest(result.folder.segmenter) == wanted
    assert len(result.folder.report.done) == 3


def test_a_run_that_was_ended_goes_on_without_guiding_again(
    stack, prior, encoder_file, tmp_path: Path, monkeypatch
):
    single = stack.with_name("single.tif")
    tifffile.imwrite(single, PLANES[3])
    session = saved(tmp_path, prior, encoder_file, image(stack), image(single))
    out = tmp_path / "out"
    first = run(session, out)
    journal = (out / JOURNAL).read_text().splitlines()
    (out / JOURNAL).write_text(
        "\n".join(line for line in journal if '"done": "single"' not in line) + "\n"
    )
    monkeypatch.setattr(task, "guide", lambda *_: pytest.fail("guided again"))
    again = run(session, out)
    assert len(again.folder.report.kept) == 1
    assert len(again.folder.report.done) == 2
    kept = segmenter_digest(load_segmenter(out / SEGMENTER))
    assert kept == segmenter_digest(first.folder.segmenter)
    with pytest.raises(LocaldiscError, match="--overwrite"):
        run(session, out, seed=4)


def test_damaged_images_are_passed_over(stack, prior, encoder_file, effort, tmp_path: Path):
    damaged, gone = (stack.with_name(f"{name}.tif") for name in ("damaged", "gone"))
    damaged.write_text("no image")
    gone.write_text("soon")
    images = image(damaged), image(stack), image(gone)
    session = saved(tmp_path, prior, encoder_file, *images)
    gone.unlink()
    events = []
    result = drain(run_session(session, SessionOutput(tmp_path / "out")), events.append)
    assert [one.path for one in result.folder.report.failed] == [damaged]
    assert result.gone == (str(gone),)
    assert any("is gone" in one.message for one in events if one.stage == "warn")
    wanted = guided((2, 0, 1, 3), prior, encoder_file, effort)
    assert segmenter_digest(result.folder.segmenter) == wanted


def test_what_a_session_lacks_is_one_sentence(stack, prior, encoder_file, tmp_path: Path):
    out = tmp_path / "out"
    session = saved(tmp_path, None, encoder_file, image(stack))
    with pytest.raises(LocaldiscError, match="neither a segmenter nor a prior"):
        run(session, out)
    session = saved(tmp_path, prior, encoder_file, image(stack, guides=False))
    with pytest.raises(LocaldiscError, match="is ticked to guide"):
        run(session, out)
    stack.write_text("no image")
    session = saved(tmp_path, prior, encoder_file, image(stack))
    with pytest.raises(LocaldiscError, match=r"stack\.tif"):
        run(session, out)
    assert not out.exists()


def test_settings_of_the_run_come_before_those_of_the_session():
    record = SessionRecord(encoder="fundus", device="cuda", seed=3)
    instead = Instead(device="cpu", seed=0, quick=True, guide_images=2).applied(record)
    assert (instead.encoder, instead.device, instead.seed) == ("fundus", "cpu", 0)
    assert (instead.quick, instead.guide_images) == (True, 2)
