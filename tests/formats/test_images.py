from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import (
    Image,
    find_images,
    image_stem,
    mask_suffix,
    read_image,
    read_picture,
    write_mask,
)
from tests.corpus import CORPUS


@pytest.fixture
def grey() -> np.ndarray:
    return np.arange(24 * 32, dtype=np.uint8).reshape(24, 32)


@pytest.fixture
def colour(grey: np.ndarray) -> np.ndarray:
    return np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif"])
def test_lossless_grey_files_keep_their_pixels(tmp_path: Path, grey: np.ndarray, suffix: str):
    path = tmp_path / f"image.{suffix}"
    PIL.Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(read_image(path).pixels, grey)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_lossless_colour_files_keep_their_pixels(tmp_path: Path, colour: np.ndarray, suffix: str):
    path = tmp_path / f"image.{suffix}"
    PIL.Image.fromarray(colour).save(path)
    np.testing.assert_array_equal(read_image(path).pixels, colour)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_colour_tiff_keeps_type_and_values(tmp_path: Path, colour: np.ndarray, dtype: type):
    deep = colour.astype(dtype) * 7
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    pixels = read_image(tmp_path / "deep.tif").pixels
    assert pixels.dtype == dtype
    np.testing.assert_array_equal(pixels, deep)


def test_planar_deep_tiff_gets_its_channels_last(tmp_path: Path, colour: np.ndarray):
    planes = np.moveaxis(colour.astype(np.uint16), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, colour)


def test_sixteen_bit_grey_png_keeps_its_depth(tmp_path: Path, grey: np.ndarray):
    deep = grey.astype(np.uint16) * 257
    PIL.Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png").pixels, deep)


def test_alpha_is_dropped_and_bits_become_bytes(tmp_path: Path, colour: np.ndarray):
    alpha = np.dstack([colour, np.full(colour.shape[:2], 9, np.uint8)])
    PIL.Image.fromarray(alpha).save(tmp_path / "alpha.png")
    PIL.Image.fromarray(colour[..., 0] > 50).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_image(tmp_path / "alpha.png").pixels, colour)
    bits = read_image(tmp_path / "bits.png").pixels
    np.testing.assert_array_equal(bits, np.where(colour[..., 0] > 50, 255, 0))


def test_exif_orientation_is_applied(tmp_path: Path, colour: np.ndarray):
    picture = PIL.Image.fromarray(colour)
    exif = picture.getexif()
    exif[0x0112] = 6  # shown after turning 90 degrees clockwise
    picture.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "turned.png").pixels, np.rot90(colour, -1))


def _write_bad(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    if kind == "text":
        path.write_text("no image at all")
    elif kind == "empty":
        path.touch()
    elif kind == "truncated":
        PIL.Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "tiny":
        PIL.Image.new("L", (1, 1)).save(path)
    elif kind == "animated":
        path = path.with_suffix(".gif")
        frames = [PIL.Image.fromarray(np.roll(noise, shift, 0)) for shift in range(3)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif kind == "mixed":
        path = path.with_suffix(".tif")
        with tifffile.TiffWriter(path) as file:
            for size in (20, 30):
                file.write(np.zeros((size, size), np.uint16))
    elif kind == "torn":
        path = path.with_suffix(".tif")
        tifffile.imwrite(path, noise.astype(np.uint16), photometric="rgb")
        path.write_bytes(path.read_bytes()[:300])
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "does not exist"),
        ("text", "not an image"),
        ("empty", "empty"),
        ("truncated", "damaged"),
        ("tiny", "1 x 1 pixels"),
        ("animated", "3 frames"),
        ("mixed", "different sizes"),
        ("torn", "damaged"),
    ],
)
def test_bad_files_are_named_with_a_remedy(
    tmp_path: Path, kind: str, says: str, capfd: pytest.CaptureFixture[str]
):
    path = _write_bad(tmp_path, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LocaldiscError, match=says) as caught:
            read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_locked_file_is_named(ordinary_user: Path):
    path = ordinary_user / "a.png"
    PIL.Image.new("L", (20, 20)).save(path)
    path.chmod(0)
    with pytest.raises(LocaldiscError, match=r"a\.png cannot be read \(Permission denied\)"):
        read_image(path)


def test_a_single_target_is_written_as_255(tmp_path: Path, grey: np.ndarray):
    labels = (grey > 100).astype(np.uint8)
    like = Image(grey, tmp_path / "a.jpg")
    written = write_mask(labels, tmp_path / "out" / "a", like, scale_to_255=True)
    assert written == tmp_path / "out" / "a.png"
    assert [file.name for file in written.parent.iterdir()] == ["a.png"]
    np.testing.assert_array_equal(read_image(written).pixels, labels * 255)


def test_several_targets_keep_their_numbers(tmp_path: Path, grey: np.ndarray):
    labels = (grey % 3).astype(np.uint8)
    written = write_mask(labels, tmp_path / "a", Image(grey, tmp_path / "a.png"), False)
    np.testing.assert_array_equal(read_image(written).pixels, labels)


def test_a_mask_of_another_size_is_refused(tmp_path: Path, grey: np.ndarray):
    with pytest.raises(ValueError, match="expected labels of shape"):
        write_mask(grey[1:], tmp_path / "a", Image(grey, tmp_path / "a.png"), True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, grey: np.ndarray):
    (tmp_path / "file").touch()
    with pytest.raises(LocaldiscError, match="cannot write"):
        write_mask(grey, tmp_path / "file" / "a", Image(grey, tmp_path / "a.png"), False)


def test_find_images_lists_files_as_given_and_folders_sorted(tmp_path: Path):
    for name in ("b.png", "a.JPG", "c.nii.gz", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    stray = tmp_path / "notes.txt"
    found = find_images([stray, tmp_path, tmp_path / "b.png"])
    assert [path.name for path in found] == ["notes.txt", "a.JPG", "b.png", "c.nii.gz"]


def test_find_images_names_what_is_missing_or_empty(tmp_path: Path):
    with pytest.raises(LocaldiscError, match=r"nowhere.* does not exist"):
        find_images([tmp_path / "nowhere"])
    with pytest.raises(LocaldiscError, match="holds no image"):
        find_images([tmp_path])
    with pytest.raises(LocaldiscError, match="no image was given"):
        find_images([])


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.png", "a"), ("a.b.nii.gz", "a.b"), ("a.nii", "a"), ("X.JPG", "X"), ("a.txt", "a.txt")],
)
def test_image_stem(name: str, stem: str):
    assert image_stem(name) == stem


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_stored_and_tagged_as_its_picture(
    tmp_path: Path, colour: np.ndarray, orientation: int
):
    """Programs that turn pictures see both turned, those that do not see both as stored."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(colour).save(tmp_path / "a.png", exif=exif)
    image = read_image(tmp_path / "a.png")
    labels = (np.asarray(image.pixels)[..., 0] > 100).astype(np.uint8)
    with PIL.Image.open(write_mask(labels, tmp_path / "mask", image, True)) as mask:
        np.testing.assert_array_equal(np.asarray(mask) > 0, colour[..., 0] > 100)
        shown = PIL.ImageOps.exif_transpose(mask)
        np.testing.assert_array_equal(np.asarray(shown) > 0, labels)


def test_pages_are_read_and_written_as_a_stack(tmp_path: Path, grey: np.ndarray):
    pages = np.stack([grey, grey[::-1], 255 - grey])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    image = read_image(tmp_path / "a.tif")
    assert image.is_stack
    assert image.extent == pages.shape
    labels = (pages > 100).astype(np.uint8)
    written = write_mask(labels, tmp_path / "mask", image, scale_to_255=True)
    assert written.name == f"mask{mask_suffix(tmp_path / 'a.tif')}" == "mask.tif"
    np.testing.assert_array_equal(tifffile.imread(written), labels * 255)
    with pytest.raises(LocaldiscError, match="3 planes; expected a single image"):
        read_image(tmp_path / "a.tif", may_be_stack=False)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif"), pages[1])


@pytest.mark.parametrize("name", ["png grey", "tiff rgb", "tiff pages", "nifti volume", "dicom"])
def test_the_limit_on_pixels_is_named_and_can_be_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    path = CORPUS[name].make(tmp_path)
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", "500")
    with pytest.raises(LocaldiscError, match=r"limit of 500 an image and 2000 a stack") as caught:
        read_image(path)
    needed = str(caught.value).rstrip(".").split("LOCALDISC_MAX_PIXELS=")[1]
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", needed)
    assert read_image(path).extent == CORPUS[name].truth.shape


def test_a_limit_that_is_no_number_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", "many")
    with pytest.raises(LocaldiscError, match="LOCALDISC_MAX_PIXELS=many is no number"):
        read_image(CORPUS["png grey"].make(tmp_path))


def test_a_link_in_place_of_a_mask_is_replaced_and_not_followed(tmp_path: Path, grey: np.ndarray):
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(outside)
    labels = (grey > 100).astype(np.uint8)
    written = write_mask(labels, tmp_path / "out" / "a", Image(grey, tmp_path / "a.png"), True)
    assert not written.is_symlink()
    assert outside.read_bytes() == b"precious"


def test_what_an_error_says_is_one_line_that_no_terminal_obeys(tmp_path: Path):
    path = tmp_path / "a\n\x1b[31mb.png"
    path.write_bytes(b"no image")
    with pytest.raises(LocaldiscError, match=r"a \\x1b\[31mb\.png is not an image") as caught:
        read_image(path)
    assert str(caught.value).isprintable()


@pytest.mark.timeout(20)
def test_the_ending_of_a_mask_is_told_without_waiting_for_a_pipe(tmp_path: Path):
    for name in ("a.png", "a.odd", "a.dcm"):
        os.mkfifo(tmp_path / name)
    endings = [mask_suffix(tmp_path / name) for name in ("a.png", "a.odd", "a.dcm", "gone.odd")]
    assert endings == [".png", ".png", ".dcm", ".png"]
