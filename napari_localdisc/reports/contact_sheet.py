"""The contact sheet: images with the contours that were found, to judge a run at a glance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from skimage.segmentation import find_boundaries
from skimage.transform import resize

from napari_localdisc.base.atomic import replacing
from napari_localdisc.base.errors import printable
from napari_localdisc.core.imaging.arrays import as_image

TILE = 320
"""Longer side of an image on the sheet, in pixels."""

COLOURS = ((0, 229, 255), (255, 193, 7), (255, 82, 168), (139, 255, 89), (186, 134, 255))
"""Contours of target 1, 2, ...; told apart by colour-blind eyes too, and by red fundus ground."""

_BACKGROUND, _TEXT, _FAINT = (24, 26, 30), (236, 239, 241), (150, 156, 163)
_GAP, _CAPTION, _HEADER = 16, 40, 56


@dataclass(frozen=True)
class Tile:
    """A small picture with contours, and two lines below it."""

    picture: PIL.Image.Image
    title: str
    note: str


def make_tile(
    pixels: npt.NDArray[np.generic], labels: npt.NDArray[np.uint8], title: str, note: str
) -> Tile:
    """Scale an image down and draw its contours.

    Parameters
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3) or (N, H, W, C)
        Of a stack the plane in which most was found is shown.
    labels : ndarray of uint8, shape (H, W) or (N, H, W)
        0 background, 1..K targets.
    title, note : str
        The lines below it: a file name, a confidence.
    """
    if pixels.ndim == 4:
        shown = int((labels > 0).sum(axis=(1, 2)).argmax())
        pixels, labels = pixels[shown], labels[shown]
    size = tile_size(labels.shape)
    grey_or_rgb = (as_image(pixels) * 255).round().astype(np.uint8)
    rgb = np.repeat(grey_or_rgb, 3, axis=-1) if grey_or_rgb.shape[-1] == 1 else grey_or_rgb
    small = np.array(PIL.Image.fromarray(rgb).resize(size, PIL.Image.Resampling.LANCZOS))
    for label in range(1, int(labels.max(initial=0)) + 1):
        colour = COLOURS[(label - 1) % len(COLOURS)]
        small[_contour(labels == label, size)] = colour
    return Tile(PIL.Image.fromarray(small), title, note)


def tile_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height at which something (height, width, ...) fills its place on the sheet."""
    scale = TILE / max(shape[:2])
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _contour(mask: npt.NDArray[np.bool_], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    small = resize(mask.astype(np.float32), size[::-1], order=1, anti_aliasing=True) >= 0.5
    return np.asarray(find_boundaries(small, mode="inner"), dtype=np.bool_)


def write_overview(
    path: Path,
    tiles: Sequence[Tile],
    heading: str,
    targets: Sequence[str],
    columns: int | None = None,
) -> None:
    """Lay tiles on a sheet and write it as PNG.

    Parameters
    ----------
    path : Path
    tiles : sequence of Tile
        At least one.
    heading : str
        First line of the sheet.
    targets : sequence of str
        Names for the legend, in the order of their labels.
    columns : int, optional
        Tiles in a row; chosen to make the sheet about square if not given.
    """
    columns, rows = (columns, -(-len(tiles) // columns)) if columns else _grid(len(tiles))
    step = (TILE + _GAP, TILE + _CAPTION + _GAP)
    size = (max(columns * step[0], 2 * TILE) + _GAP, rows * step[1] + _HEADER + _GAP)
    sheet = PIL.Image.new("RGB", size, _BACKGROUND)
    draw = PIL.ImageDraw.Draw(sheet)
    _draw_header(draw, heading, targets)
    for index, tile in enumerate(tiles):
        left = _GAP + (index % columns) * step[0]
        top = _HEADER + (index // columns) * step[1]
        _draw_tile(sheet, draw, tile, left, top)
    with replacing(path, ".png") as temporary:
        sheet.save(temporary, format="PNG")


def _grid(count: int) -> tuple[int, int]:
    """Columns and rows: about a square, with as few empty places as can be."""
    side = math.ceil(math.sqrt(count))
    columns = min((side, side + 1), key=lambda columns: -count % columns)
    return columns, math.ceil(count / columns)


def _draw_header(draw: PIL.ImageDraw.ImageDraw, heading: str, targets: Sequence[str]) -> None:
    font = PIL.ImageFont.load_default(17)
    heading = printable(heading)
    draw.text((_GAP, 27), heading, _TEXT, font, anchor="lm")
    left = _GAP + draw.textlength(heading, font) + 28
    for index, name in enumerate(map(printable, targets)):
        colour = COLOURS[index % len(COLOURS)]
        draw.rounded_rectangle((left, 20, left + 14, 34), 4, outline=colour, width=3)
        draw.text((left + 22, 27), name, _FAINT, font, anchor="lm")
        left += 22 + draw.textlength(name, font) + 24


def _draw_tile(
    sheet: PIL.Image.Image, draw: PIL.ImageDraw.ImageDraw, tile: Tile, left: int, top: int
) -> None:
    width, height = tile.picture.size
    sheet.paste(tile.picture, (left + (TILE - width) // 2, top + (TILE - height) // 2))
    draw.text((left, top + TILE + 6), _fitted(draw, printable(tile.title)), _TEXT, _small_font())
    draw.text((left, top + TILE + 23), printable(tile.note), _FAINT, _small_font())


def _small_font() -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    return PIL.ImageFont.load_default(13)


def _fitted(draw: PIL.ImageDraw.ImageDraw, text: str) -> str:
    """Shorten in the middle, where file names differ least."""
    keep = len(text)
    shown = text
    while keep > 8 and draw.textlength(shown, _small_font()) > TILE:
        keep -= 2
        shown = f"{text[: keep // 2]}...{text[-(keep - keep // 2) :]}"
    return shown
