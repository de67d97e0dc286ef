"""Cluster maps of many files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import PIL.Image

from napari_localdisc.batch import BatchReport, run_files
from napari_localdisc.core.clusters import cluster_map
from napari_localdisc.core.components import components_of
from napari_localdisc.core.progress import Run, drain
from napari_localdisc.io.atomic import replacing, write_text
from napari_localdisc.io.images import Image
from napari_localdisc.io.outputs import CLUSTERS
from napari_localdisc.io.palette import palette
from napari_localdisc.io.recipe import write_recipe
from napari_localdisc.io.report import FileResult

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.encoder import Encoder


def cluster_files(
    files: Sequence[Path], encoder: Encoder, output: Path, device: torch.device
) -> Run[BatchReport]:
    """Write what an encoder tells apart in each file.

    For ``a.jpg`` that is ``a_clusters.png``, whose values are cluster numbers and whose palette
    shows them in colour, and ``a_embedding.png``, the embedding in the encoder's colours. Beside
    them ``clusters.csv`` has a row for each cluster of each file.

    Parameters
    ----------
    files : sequence of Path
    encoder : Encoder
    output : Path
        A folder, made once there is something to write.
    device : torch.device

    Yields
    ------
    Progress
        Per file, with its `FileResult` as payload.

    Raises
    ------
    LocaldiscError
        If the folder holds one of the files or another file in a result's place, or no file at all
        could be done.
    """
    rows: list[dict[str, object]] = []
    components = yield from components_of(encoder, device)

    def cluster(image: Image, name: str) -> FileResult:
        found = drain(cluster_map(image.pixels, encoder, device))
        path = output / f"{name}_clusters.png"
        _save(_coloured(found.labels), path)
        scores = components.scores(found.embedding)
        picture = PIL.Image.fromarray(components.picture(scores, found.labels > 0))
        _save(picture, output / f"{name}_embedding.png")
        table = found.table()
        rows.extend(
            {"file": str(image.path), **dict(zip(table, row, strict=True))}
            for row in zip(*table.values(), strict=True)
        )
        return FileResult(image.path, path, "done", 0.0, int((found.labels > 0).sum()), 1.0)

    report = yield from run_files(files, cluster, output, "clusters", CLUSTERS)
    write_text(output / "clusters.csv", _csv(rows))
    recipe = {
        "encoder": encoder.card.model_dump(),
        "images": [str(file) for file in files],
        "written": report.written,
    }
    write_recipe(output / "recipe.json", recipe)
    return report


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _save(picture: PIL.Image.Image, path: Path) -> None:
    with replacing(path, ".png") as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def _coloured(labels: npt.NDArray[np.uint8]) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(labels)
    picture.putpalette(palette())
    return picture
