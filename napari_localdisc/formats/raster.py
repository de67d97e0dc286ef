"""Photographs and other plain pictures: PNG, JPEG, JPEG 2000, WebP, GIF, BMP, PGM, PPM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels, max_pixels
from napari_localdisc.formats import orientation
from napari_localdisc.formats.decoding import decoding
from napari_localdisc.formats.format import Format, Pixels

SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
"""First bytes by which a picture is known, whatever its name."""

_PLAIN_MODES = ("L", "RGB", "I", "F", "I;16", "I;16L", "I;16B")
_ANIMATIONS = ("GIF", "PNG", "WEBP")


@dataclass(frozen=True)
class PictureGeometry:
    """How a picture's pixels are turned to be shown.

    A mask is stored and tagged just as its picture: programs that turn pictures upright turn both,
    those that do not turn neither.

    Attributes
    ----------
    orientation : int
        EXIF orientation, 1 to 8.
    """

    orientation: int = orientation.UPRIGHT

    suffix = ".png"
    spacing = None
    notes = ()
    shown_as_picture = True

    def save(self, labels: npt.NDArray[np.uint8], path: Path, _: Sequence[str] = ()) -> None:
        """Write labels (H, W) as PNG."""
        picture = PIL.Image.fromarray(
            np.ascontiguousarray(orientation.as_stored(labels, self.orientation))
        )
        exif = PIL.Image.Exif()
        if self.orientation != orientation.UPRIGHT:
            exif[orientation.TAG] = self.orientation
        picture.save(path, format="PNG", optimize=True, exif=exif.tobytes() if len(exif) else None)

    def save_shares(self, shares: npt.NDArray[np.uint8], path: Path) -> None:
        """Write shares (H, W) as grey PNG, one as white."""
        self.save(shares, path)


class Raster(Format):
    """Whatever Pillow reads; TIFF has a format of its own."""

    suffixes = (
        ".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".jp2", ".j2k", ".webp", ".gif", ".bmp", ".pgm",
        ".ppm", ".pnm",
    )  # fmt: skip

    def recognises(self, _: Path, head: bytes, /) -> bool:
        """Whether a file begins as a picture does."""
        return head.startswith(SIGNATURES)

    def tries(self, path: Path, /) -> bool:
        """Whether Pillow knows what a file is; one that is not there counts as a picture."""
        return not path.is_file() or is_picture(path)

    def read(self, path: Path, /) -> tuple[Pixels, PictureGeometry]:
        """Read a picture; see `read_raster`."""
        return read_raster(path)

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a picture's mask."""
        return PictureGeometry.suffix


def read_raster(path: Path) -> tuple[Pixels, PictureGeometry]:
    """Read a picture, upright, as it is stored.

    Parameters
    ----------
    path : Path
        What it is decides its content, not its name.

    Returns
    -------
    pixels : ndarray, shape (H, W) or (H, W, 3)
        In the stored type; palettes are resolved, alpha is dropped.
    geometry : PictureGeometry

    Raises
    ------
    LocaldiscError
        If it is no picture, is damaged, too large, or an animation.
    """
    raise_pillows_limit()
    with decoding(path), PIL.Image.open(path) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format in _ANIMATIONS:
            raise LocaldiscError(
                f"{path} is an animation of {frames} frames; expected a single image: save the"
                " frame you want on its own, or all of them as a TIFF stack."
            )
        check_pixels(path, *picture.size)
        turn = orientation.known(picture.getexif().get(orientation.TAG))
        return orientation.upright(plain(picture), turn), PictureGeometry(turn)


def is_picture(path: Path) -> bool:
    """Whether Pillow knows what a file is, damaged or not."""
    raise_pillows_limit()
    try:
        with PIL.Image.open(path):
            return True
    except PIL.UnidentifiedImageError:
        return False
    except Exception:  # it is one, and reading it will tell what is wrong
        return True


def raise_pillows_limit() -> None:
    """Let Pillow open what `max_pixels` allows; its own limit is never lowered."""
    own = PIL.Image.MAX_IMAGE_PIXELS
    if own is not None and own < max_pixels():
        PIL.Image.MAX_IMAGE_PIXELS = max_pixels()


def plain(picture: PIL.Image.Image) -> Pixels:
    """Decode a picture to grey (H, W) or colour (H, W, 3)."""
    if picture.mode in _PLAIN_MODES:
        return np.asarray(picture)
    if picture.mode in ("1", "LA", "La"):
        return np.asarray(picture.convert("L"))
    pixels = np.asarray(picture.convert("RGB"))
    is_grey = picture.mode == "P" and bool((pixels == pixels[..., :1]).all())
    return pixels[..., 0] if is_grey else pixels
