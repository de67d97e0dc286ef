"""What an encoder in training makes of a few images, on one sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image

from napari_localdisc.core.pretraining.monitored_images import TrainingPreview
from napari_localdisc.reports.contact_sheet import Tile, tile_size, write_overview
from napari_localdisc.reports.palette import palette

Bytes = npt.NDArray[np.uint8]


def write_training_sheet(path: Path, preview: TrainingPreview, heading: str) -> None:
    """Write a sheet as PNG: a column an image; below it its cluster map and its embedding.

    Parameters
    ----------
    path : Path
        Replaced, so that a viewer that has it open shows how training goes on.
    preview : TrainingPreview
    heading : str
        First line of the sheet.
    """
    tiles = [
        *(Tile(_picture(image), "image", "") for image in preview.images),
        *(Tile(_clusters(labels), "clusters", _count(labels)) for labels in preview.clusters),
        *(
            Tile(_picture(picture), "embedding", "its first 3 principal components")
            for picture in preview.embeddings
        ),
    ]
    write_overview(path, tiles, heading, (), columns=len(preview.images))


def _picture(pixels: Bytes) -> PIL.Image.Image:
    rgb = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
    picture = PIL.Image.fromarray(np.ascontiguousarray(rgb))
    return picture.resize(tile_size(pixels.shape), PIL.Image.Resampling.LANCZOS)


def _clusters(labels: Bytes) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(np.ascontiguousarray(labels))
    picture.putpalette(palette())
    small = picture.resize(tile_size(labels.shape), PIL.Image.Resampling.NEAREST)
    return small.convert("RGB")


def _count(labels: Bytes) -> str:
    return f"{len(np.unique(labels[labels > 0]))} clusters"
