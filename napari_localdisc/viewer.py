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


def open_result(folder: str | Path, viewer: ViewerModel | None = None) -> ViewerModel:
    """Show the images of a folder written by ``segment`` or ``demo``, each with its mask.

    Parameters
    ----------
    folder : str or Path
        Holds ``report.csv``, ``recipe.json`` and the masks.
    viewer : napari.Viewer, optional
        A new one if not given.

    Raises
    ------
    LocaldiscError
        If the folder holds no results.
    """
    files = list(_results(Path(folder)))[:MOST_SHOWN]
    recipe = _recipe(Path(folder))
    viewer = napari.Viewer(title="napari-localdisc") if viewer is None else viewer
    for image, mask in files:
        add_result(viewer, image, mask, recipe)
    # Negative, so that the first file comes first: napari counts from the top layer.
    viewer.grid.stride = -2
    viewer.grid.enabled = len(files) > 1
    return viewer


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
