"""Encoders measured on labelled sets, beside what needs no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.atomic import write_text
from napari_localdisc.base.csv_tables import csv_table
from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.evaluation.pixel_vectors import check_fits, encoder_source, plain_source
from napari_localdisc.core.evaluation.probing import Measured, Method, ProbeConfig, measure
from napari_localdisc.core.imaging.arrays import is_coloured
from napari_localdisc.datasets.labelled_sets import SetFiles, read_set
from napari_localdisc.reports.tables import markdown_table
from napari_localdisc.stores.chosen_encoder import AUTO, EncoderChoice, EncoderSpec, choice_of


def probe_sets(
    sets: Sequence[SetFiles],
    encoders: Mapping[str, EncoderSpec],
    config: ProbeConfig | None = None,
    device: torch.device | None = None,
) -> Run[tuple[Measured, ...]]:
    """Measure encoders, and what needs no training, on labelled sets.

    Parameters
    ----------
    sets : sequence of SetFiles
    encoders : mapping of str to EncoderChoice, Encoder, str or Path
        By name; if empty, each set is looked at with the shipped encoder that suits it.
    config : ProbeConfig, optional
    device : torch.device, optional
        CPU if not given.

    Yields
    ------
    Progress
        Per image.

    Raises
    ------
    LocaldiscError
        If a set cannot be read, or an encoder does not fit it.
    """
    config, device = config or ProbeConfig(), device or torch.device("cpu")
    choices = {name: choice_of(encoder, config.seed) for name, encoder in encoders.items()}
    fixed = {n: one.obtain().encoder for n, one in choices.items() if not one.needs_image}
    for files in sets:
        for name, encoder in fixed.items():
            check_fits(name, encoder.card, files.spec.size)
    results: list[Measured] = []
    for files in sets:
        labelled = yield from read_set(files, config.images, config.images)
        first = labelled.train[0].pixels
        suited = _suited(choices or {AUTO: EncoderChoice()}, fixed, first)
        sources = [
            encoder_source(name, encoder, labelled.size, device) for name, encoder in suited.items()
        ]
        counts = sorted({encoder.card.clusters for encoder in suited.values()})
        sources.append(plain_source(labelled.size, is_coloured(first)))
        for source in sources:
            results += yield from measure(labelled, source, counts, config)
    return tuple(results)


def _suited(
    choices: Mapping[str, EncoderChoice],
    fixed: Mapping[str, Encoder],
    image: npt.NDArray[np.generic],
) -> dict[str, Encoder]:
    """Get the encoders for the set of an image; those chosen by it bear their own name."""
    suited: dict[str, Encoder] = {}
    for name, choice in choices.items():
        if name in fixed:
            suited[name] = fixed[name]
        else:
            held = choice.obtain(image)
            suited[held.name if name == AUTO else name] = held.encoder
    return suited


def probe_tables(results: Sequence[Measured], config: ProbeConfig) -> str:
    """Lay out results as two Markdown tables, a row for each kind of vectors, a column a set."""
    titles: dict[Method, str] = {
        "probe": "Linear probe: mean Dice over the test images, and its standard deviation",
        "union": "Union of clusters, chosen on"
        f" {config.union_images} training images: mean Dice over the test images",
    }
    parts = []
    for method, title in titles.items():
        own = [result for result in results if result.method == method]
        cells = {(one.row, one.set): f"{one.mean:.3f} ± {one.std:.3f}" for one in own}
        rows, columns = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
        parts += [f"{title}.", "", markdown_table("vectors", columns, rows, cells), ""]
    return "\n".join(parts)


def write_probe(folder: Path, results: Sequence[Measured], config: ProbeConfig) -> None:
    """Write ``probe.md``, the tables, and ``probe.csv``, the Dice of every image."""
    write_text(folder / "probe.md", probe_tables(results, config))
    lines = [
        (one.method, one.encoder, one.vectors, one.set, number, f"{value:.4f}")
        for one in results
        for number, value in enumerate(one.dice, start=1)
    ]
    heads = ("method", "encoder", "vectors", "set", "test image", "dice")
    write_text(folder / "probe.csv", csv_table(heads, lines))
