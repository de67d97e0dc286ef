from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image, Labels
from PIL import Image as Picture

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.formats.images import read_image, write_mask
from napari_localdisc.reports.report import FileResult, write_report
from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.viewer.results import main, open_results, read_result, show_result


@pytest.fixture
def results(tmp_path):
    """A folder as a batch leaves it: two masks, one failure, a report and a recipe."""
    images, output = tmp_path / "images", tmp_path / "output"
    images.mkdir()
    output.mkdir()
    rows = []
    for number in range(2):
        path = images / f"image-{number}.png"
        Picture.fromarray(np.full((20, 30, 3), 100 * number, np.uint8)).save(path)
        labels = np.zeros((20, 30), np.uint8)
        labels[5:10, 5 : 10 + number] = 1
        mask = write_mask(labels, output / path.stem, read_image(path), scale_to_255=True)
        rows.append(FileResult(path, mask, "done", 0.1, int(labels.sum()), 0.9))
    rows.append(FileResult(images / "bad.png", None, "failed", 0.0, error="bad"))
    write_report(output / "report.csv", rows)
    (output / "recipe.json").write_text(json.dumps({"run": {"seed": 3}}))
    return output


def test_a_file_and_its_mask(results):
    viewer = ViewerModel()
    show_result(
        viewer,
        drain(read_result(results.parent / "images" / "image-1.png", results / "image-1.png")),
    )
    image, labels = viewer.layers
    assert isinstance(image, Image)
    assert image.rgb
    assert isinstance(labels, Labels)
    assert set(np.unique(labels.data)) == {0, 1}
    assert labels.data.sum() == 30


def test_an_image_that_failed_is_shown_alone(results):
    viewer = ViewerModel()
    show_result(viewer, drain(read_result(results.parent / "images" / "image-0.png", None)))
    assert [type(layer) for layer in viewer.layers] == [Image]


def test_a_folder_of_results_is_laid_out_side_by_side(results):
    viewer = open_results([results], ViewerModel())
    assert [layer.name for layer in viewer.layers] == [
        "image-0",
        "image-0 output",
        "image-1",
        "image-1 output",
    ]
    assert recipe_of(viewer.layers[1]) == {"run": {"seed": 3}}
    first, _, second, mask = viewer.layers
    assert second.translate[1] - first.translate[1] > 30
    np.testing.assert_array_equal(mask.translate, second.translate)


def test_folders_of_the_same_images_share_them(results, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(results, again)
    viewer = open_results([results, again], ViewerModel())
    assert sum(isinstance(layer, Image) for layer in viewer.layers) == 2
    masks = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    assert [mask.name for mask in masks[:2]] == ["image-0 output", "image-0 again"]
    assert not np.allclose(masks[0].get_color(1), masks[1].get_color(1))


def test_a_folder_without_results(tmp_path):
    with pytest.raises(LocaldiscError, match=r"report\.csv"):
        open_results([tmp_path], ViewerModel())


def test_the_program_says_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["viewer", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"report\.csv"):
        main()


def test_a_report_that_leads_out_of_its_folder_is_refused(results):
    report = results / "report.csv"
    report.write_text(report.read_text().replace("image-0.png,done", "../images/image-0.png,done"))
    with pytest.raises(LocaldiscError, match=r"report\.csv is not a readable report .*outside"):
        open_results([results], ViewerModel())


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[]", "null", "{"])
def test_results_are_shown_without_a_recipe_that_can_be_read(results, text):
    (results / "recipe.json").write_text(text)
    assert recipe_of(open_results([results], ViewerModel()).layers[1]) == {}


def test_a_stack_is_shown_with_its_masks(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    labels = (pixels > 128).astype(np.uint8)
    mask = write_mask(labels, tmp_path / "mask", read_image(tmp_path / "a.tif"), scale_to_255=True)
    viewer = ViewerModel()
    show_result(viewer, drain(read_result(tmp_path / "a.tif", mask)))
    image, shown = viewer.layers
    np.testing.assert_array_equal(image.data, pixels)
    np.testing.assert_array_equal(shown.data, labels)
