"""Look at results in napari: a file with its mask, or whole folders of them."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.io.images import read_image
from napari_localdisc.io.masks import read_mask
from napari_localdisc.io.texts import parse_json, read_text
from napari_localdisc.layers import all_planes, labels_layer, target_colours

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

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
    _lay_out([_add(viewer, image, masks) for image, masks in images.items()])
    viewer.reset_view()
    return viewer


def add_result(viewer: ViewerModel, image: Path, mask: Path | None) -> None:
    """Add an image file and, if there is one, its mask.

    Raises
    ------
    LocaldiscError
        If a file cannot be read.
    """
    _add(viewer, image, [] if mask is None else [_Found(mask, "mask", _recipe(mask.parent))])


def _add(viewer: ViewerModel, image: Path, masks: Sequence[_Found]) -> list[Layer]:
    shown = read_image(image)
    pixels = np.asarray(shown.pixels)
    has_colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    if shown.is_stack and not has_colour:
        pixels = pixels[..., 0]
    layer = viewer.add_image(pixels, rgb=has_colour, name=image.stem)
    layers = [layer]
    colours = 0
    for found in masks:
        labels = read_mask(found.mask, may_be_stack=True)
        name = f"{image.stem} {found.title}"
        planes = list(labels) if shown.is_stack else [labels]
        result = labels_layer(all_planes(layer), planes, name, found.recipe)
        result.colormap = target_colours(skip=colours)
        result.opacity = 0.5
        layers.append(viewer.add_layer(result))
        colours += int(labels.max(initial=1))
    return layers


def _lay_out(groups: Sequence[Sequence[Layer]]) -> None:
    columns = math.ceil(math.sqrt(len(groups)))
    step = max((max(group[0].extent.data[1, -2:]) + 1 for group in groups), default=0) * _GAP
    for number, group in enumerate(groups):
        for layer in group:
            place = (number // columns * step, number % columns * step)
            layer.translate = (*layer.translate[:-2], *place)


def _results(folder: Path) -> Iterator[tuple[Path, _Found]]:
    report = folder / "report.csv"
    if not report.is_file():
        raise LocaldiscError(f"{folder} holds no report.csv; choose a folder of results.")
    recipe = _recipe(folder)
    try:
        rows = [row for row in csv.DictReader(io.StringIO(read_text(report))) if _is_done(row)]
        found = [(Path(row["file"]), _inside(folder, row["output"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise LocaldiscError(
            f"{report} is not a readable report ({error}); choose a folder of results."
        ) from error
    for file, mask in found:
        yield file, _Found(mask, folder.name, recipe)


def _is_done(row: dict[str, str]) -> bool:
    return row["status"] == "done"


def _inside(folder: Path, name: str) -> Path:
    """Place of a result by its name in a report, which must not lead out of its folder."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name} lies outside of {folder}")
    return folder / name


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
    """Open folders of results: ``python -m napari_localdisc.viewer FOLDER...``."""
    try:
        open_results(sys.argv[1:])
    except LocaldiscError as error:
        sys.exit(str(error))
    napari.run()


if __name__ == "__main__":
    main()
