"""Look at results in napari: a file with its mask, or whole folders of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.base.texts import parse_json, read_text
from napari_localdisc.formats.images import Image, read_image
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.reports.report import read_report
from napari_localdisc.viewer.layers import all_planes, labels_layer, target_colours
from napari_localdisc.viewer.preferences import preferences

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels, Layer

MOST_SHOWN = 12
"""Images of a folder that are opened; of more, the first ones."""

_GAP = 1.05
"""Distance of images on the table that they are laid on, in sizes of the largest."""


@dataclass(frozen=True)
class _Found:
    """A mask of an image: its file, what it shows and how it was made."""

    mask: Path
    title: str
    recipe: dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """An image in memory, with its masks of uint8, shape (H, W) or (N, H, W)."""

    image: Image
    masks: tuple[tuple[npt.NDArray[np.uint8], _Found], ...]


def open_results(folders: Sequence[str | Path], viewer: ViewerModel | None = None) -> ViewerModel:
    """Show what ``segment`` or ``demo`` wrote: images side by side, each with its masks.

    Parameters
    ----------
    folders : sequence of str or Path
        Each holds ``report.csv``, ``recipe.json`` and masks; several may be of the same images.
    viewer : napari.Viewer, optional
        A new one if not given.

    Raises
    ------
    LocaldiscError
        If a folder holds no results, or a file cannot be read.
    """
    images: dict[Path, list[_Found]] = {}
    for folder in map(Path, folders):
        for image, found in list(_results(folder))[:MOST_SHOWN]:
            images.setdefault(image, []).append(found)
    viewer = napari.Viewer(title="napari-localdisc") if viewer is None else viewer
    shown = [show_result(viewer, _read(image, masks)) for image, masks in images.items()]
    _lay_out([[image, *masks] for image, masks in shown])
    viewer.reset_view()
    return viewer


def read_result(image: Path, mask: Path | None) -> Run[Opened]:
    """Read an image file and, if there is one, its mask; for `show_result`.

    Raises
    ------
    LocaldiscError
        If a file cannot be read.
    """
    yield Progress("read", 0, 1, f"Reading {image.name}")
    return _read(image, [] if mask is None else [_Found(mask, "mask", _recipe(mask.parent))])


def show_result(viewer: ViewerModel, opened: Opened) -> tuple[ImageLayer, list[Labels]]:
    """Add an image and its masks to a viewer; returns their layers."""
    pixels = np.asarray(opened.image.pixels)
    has_colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    if opened.image.is_stack and not has_colour:
        pixels = pixels[..., 0]
    stem = opened.image.path.stem
    layer = viewer.add_image(pixels, rgb=has_colour, name=stem)
    masks = []
    colours = 0
    for labels, found in opened.masks:
        planes = list(labels) if opened.image.is_stack else [labels]
        result = labels_layer(all_planes(layer), planes, f"{stem} {found.title}", found.recipe)
        result.colormap = target_colours(skip=colours)
        result.opacity = preferences().opacity
        masks.append(viewer.add_layer(result))
        colours += int(labels.max(initial=1))
    return layer, masks


def _read(image: Path, masks: Sequence[_Found]) -> Opened:
    shown = read_image(image)
    return Opened(
        shown, tuple((read_mask(found.mask, may_be_stack=True), found) for found in masks)
    )


def _lay_out(groups: Sequence[Sequence[Layer]]) -> None:
    columns = math.ceil(math.sqrt(len(groups)))
    step = max((max(group[0].extent.data[1, -2:]) + 1 for group in groups), default=0) * _GAP
    for number, group in enumerate(groups):
        for layer in group:
            place = (number // columns * step, number % columns * step)
            layer.translate = (*layer.translate[:-2], *place)


def _results(folder: Path) -> Iterator[tuple[Path, _Found]]:
    recipe = _recipe(folder)
    for result in read_report(folder):
        if result.output is not None:
            yield result.path, _Found(result.output, folder.name, recipe)


def _recipe(folder: Path) -> dict[str, Any]:
    path = folder / "recipe.json"
    if not path.is_file():
        return {}
    try:
        recipe = parse_json(read_text(path))
    except (OSError, ValueError):
        return {}  # results can be looked at without it
    return recipe if isinstance(recipe, dict) else {}


def main() -> None:
    """Open folders of results: ``python -m napari_localdisc.viewer.results FOLDER...``."""
    try:
        open_results(sys.argv[1:])
    except LocaldiscError as error:
        sys.exit(str(error))
    napari.run()


if __name__ == "__main__":
    main()
