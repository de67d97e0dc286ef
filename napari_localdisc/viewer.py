"""Look at results in napari: a file with its mask, or a whole folder of them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.io.images import read_image
from napari_localdisc.io.masks import read_mask
from napari_localdisc.layers import all_planes, labels_layer, target_colours

if TYPE_CHECKING:
    from napari.components import ViewerModel

MOST_SHOWN = 16
"""Files of a folder that are opened; of more, the first ones."""


def open_result(folder: str | Path) -> napari.Viewer:
    """Open napari on a folder written by ``segment`` or ``demo``.

    Parameters
    ----------
    folder : str or Path
        Holds ``report.csv``, ``recipe.json`` and the masks.

    Raises
    ------
    LocaldiscError
        If the folder holds no results.
    """
    files = list(_results(Path(folder)))
    viewer = napari.Viewer(title="napari-localdisc")
    show_results(viewer, files[:MOST_SHOWN], _recipe(Path(folder)))
    return viewer


def show_results(
    viewer: ViewerModel, files: list[tuple[Path, Path]], recipe: dict[str, Any]
) -> None:
    """Add images with their masks, side by side in napari's grid.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    files : list of (image, mask)
    recipe : dict
        How the masks were made.
    """
    for image, mask in files:
        add_result(viewer, image, mask, recipe)
    # A positive stride would pair from the top of the layer list; images lie below their masks.
    viewer.grid.stride = 2
    viewer.grid.enabled = len(files) > 1


def add_result(
    viewer: ViewerModel, image: Path, mask: Path | None, recipe: dict[str, Any] | None = None
) -> None:
    """Add an image file and, if there is one, its mask.

    Raises
    ------
    LocaldiscError
        If a file cannot be read.
    """
    pixels = np.asarray(read_image(image).pixels)
    layer = viewer.add_image(pixels, rgb=pixels.ndim == 3, name=image.stem)
    if mask is not None:
        labels = labels_layer(
            all_planes(layer), [read_mask(mask)], f"{image.stem} mask", recipe or {}
        )
        labels.colormap = target_colours()
        labels.opacity = 0.5
        viewer.add_layer(labels)


def _results(folder: Path) -> Iterator[tuple[Path, Path]]:
    report = folder / "report.csv"
    if not report.is_file():
        raise LocaldiscError(f"{folder} holds no report.csv; choose a folder of results.")
    with report.open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["status"] == "done":
                yield Path(row["file"]), folder / row["output"]


def _recipe(folder: Path) -> dict[str, Any]:
    path = folder / "recipe.json"
    recipe: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return recipe


def main() -> None:
    """Open the folder named on the command line: ``python -m napari_localdisc.viewer FOLDER``."""
    try:
        open_result(sys.argv[1])
    except LocaldiscError as error:
        sys.exit(str(error))
    napari.run()


if __name__ == "__main__":
    main()
