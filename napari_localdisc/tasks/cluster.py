"""Cluster maps of many files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import PIL.Image

from napari_localdisc.base.atomic import replacing, write_text
from napari_localdisc.base.csv_tables import csv_table
from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Run, drain
from napari_localdisc.batch.outputs import CLUSTERS, RECIPE, check_output_folder
from napari_localdisc.batch.run_files import BatchReport, RunOptions, run_files
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.encoder.embedding_pca import EmbeddingPCA, embedding_pca
from napari_localdisc.core.encoder.encoder import encoder_digest
from napari_localdisc.files.naming import output_names
from napari_localdisc.formats.images import Image
from napari_localdisc.reports.palette import palette
from napari_localdisc.reports.report import FileResult
from napari_localdisc.stores.recipes import write_recipe
from napari_localdisc.tasks.encoder import AUTO, EncoderSpec, choose_by_files

if TYPE_CHECKING:
    import torch

    from napari_localdisc.core.encoder.encoder import Encoder


@dataclass(frozen=True)
class Found:
    """Cluster numbers, the embedding as a picture, and a table row for each cluster."""

    labels: npt.NDArray[np.uint8]
    picture: npt.NDArray[np.uint8]
    rows: tuple[dict[str, float], ...]


@dataclass(frozen=True)
class Clustering:
    """Finds what an encoder tells apart, and writes it as pictures."""

    encoder: Encoder
    device: torch.device
    components: EmbeddingPCA

    def compute(self, image: Image) -> Found:
        """Cluster the pixels of an image."""
        if image.is_stack:
            raise LocaldiscError(
                f"{image.path} holds {len(image.pixels)} planes; expected a single image: save the"
                " plane you want on its own."
            )
        found = drain(cluster_map(image.pixels, self.encoder, self.device))
        table = found.table()
        rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
        scores = self.components.scores(found.embedding)
        picture = self.components.picture(scores, found.labels > 0)
        return Found(found.labels, picture, tuple(rows))

    def write(self, image: Image, found: Found, place: Path) -> FileResult:
        """Write both pictures."""
        path = place.with_name(f"{place.name}_clusters.png")
        _save(_coloured(found.labels), path)
        embedding = place.with_name(f"{place.name}_embedding.png")
        _save(PIL.Image.fromarray(found.picture), embedding)
        area = int((found.labels > 0).sum())
        return FileResult(image.path, path, "done", 0.0, area, 1.0, rows=found.rows)


@dataclass(frozen=True)
class ClusterResult:
    """What became of a folder.

    Attributes
    ----------
    encoder : Encoder
        The one that told clusters apart.
    device : str
        Where it did.
    report : BatchReport
    """

    encoder: Encoder
    device: str
    report: BatchReport


def cluster_files(
    files: Sequence[Path],
    output: Path,
    encoder: EncoderSpec = AUTO,
    device: torch.device | str = "auto",
    run_options: RunOptions | None = None,
    seed: int = 0,
) -> Run[ClusterResult]:
    """Write what an encoder tells apart in each file that an earlier run has not done.

    For ``a.jpg`` that is ``a_clusters.png``, whose values are cluster numbers and whose palette
    shows them in colour, and ``a_embedding.png``, the embedding in the encoder's colours. Beside
    them ``clusters.csv`` has a row for each cluster of each file.

    Parameters
    ----------
    files : sequence of Path
    output : Path
        A folder, made once there is something to write.
    encoder : EncoderChoice, Encoder, str or Path
        One in memory, a shipped name, a file, ``"auto"`` or ``"random"``.
    device : torch.device or str
        As `resolve_device` takes it.
    run_options : RunOptions, optional
        Sub-folders, overwriting, and who does the work.
    seed : int
        Of untrained weights.

    Yields
    ------
    Progress
        Stage ``"note"`` says which encoder is used; then one per file, with its `FileResult` as
        payload.

    Raises
    ------
    LocaldiscError
        If encoder or device cannot be used, the folder holds one of the files, another file in a
        result's place or maps of another encoder, if it takes no more, or if no file at all could
        be done.
    """
    where, run_options = resolve_device(str(device)), run_options or RunOptions()
    check_output_folder(output, files, CLUSTERS, names=output_names(files, run_options.folders))
    ready = (yield from choose_by_files(encoder, files, seed)).encoder
    work = Clustering(ready, where, (yield from embedding_pca(ready, where)))
    made_by = {
        **ready.card.identity,
        "encoder_digest": encoder_digest(ready),
        "device": str(where),
    }
    report = yield from run_files(files, work, output, "clusters", CLUSTERS, made_by, run_options)
    rows = [{"file": str(one.path), **row} for one in report.done for row in one.rows]
    write_text(output / "clusters.csv", csv_table(rows[0], [row.values() for row in rows]))
    recipe = {"encoder": ready.card.model_dump(), "images": [str(file) for file in files]}
    write_recipe(output / RECIPE, recipe)
    return ClusterResult(ready, str(where), report)


def _save(picture: PIL.Image.Image, path: Path) -> None:
    with replacing(path, ".png") as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def _coloured(labels: npt.NDArray[np.uint8]) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(labels)
    picture.putpalette(palette())
    return picture
