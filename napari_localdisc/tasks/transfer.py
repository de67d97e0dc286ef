"""The transfer table: initialisations fine-tuned on labelled sets, cell by cell."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run, relay
from napari_localdisc.core.evaluation.finetuning import (
    Examples,
    FinetuneConfig,
    dice_scores,
    finetune,
)
from napari_localdisc.core.evaluation.initialisation import Initialisation
from napari_localdisc.core.evaluation.labelled_sets import LabelledSet, check_enough
from napari_localdisc.core.evaluation.transfer_table import Cell, CellScore
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.datasets.labelled_sets import Pair, SetFiles, check_result_folder, read_set
from napari_localdisc.reports.transfer_report import write_transfer
from napari_localdisc.stores.transfer_cells import CellStore

Inits = Mapping[str, tuple[Initialisation, ...]]
"""Initialisations by the name of the set."""


class TransferConfig(BaseModel):
    """What a transfer table holds.

    Attributes
    ----------
    labels : tuple of int or None
        Numbers of labelled images to learn from; None for all of them.
    seeds : int
        Repetitions, each with its own labelled images, fresh weights and crops.
    finetune : FinetuneConfig
        Budget of every cell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[PositiveInt | None, ...] = Field(default=(None,), min_length=1)
    seeds: int = Field(default=3, ge=1)
    seed: int = Field(default=0, ge=0)
    finetune: FinetuneConfig = FinetuneConfig()


def read_config(labels: str, seeds: int, seed: int = 0, **budget: float) -> TransferConfig:
    """Read settings as a user gives them.

    Parameters
    ----------
    labels : str
        Numbers of labelled images with commas between them; ``"all"`` for all of them.
    seeds : int
    seed : int
        The first of them.
    **budget : float
        Fields of `FinetuneConfig`.

    Raises
    ------
    LocaldiscError
        If they are not valid.
    """
    words = [word.strip() for word in labels.split(",")]
    counts = [None if word == "all" else word for word in words]
    try:
        return TransferConfig(
            labels=tuple(dict.fromkeys(counts)),
            seeds=seeds,
            seed=seed,
            finetune=FinetuneConfig(**budget),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise LocaldiscError(
            f"{first['input']!r} is not a valid {first['loc'][0]} ({first['msg']}); correct it."
        ) from error


def transfer_sets(
    sets: Sequence[SetFiles],
    inits: Inits,
    output: Path,
    config: TransferConfig | None = None,
    device: torch.device | None = None,
) -> Run[CellStore]:
    """Fill a transfer table: every initialisation on every set, number of labels and seed.

    Each finished cell is stored at once in ``cells.csv``; what is there already is not done again.
    ``table.md``, ``table.csv`` and ``table.png`` show all cells of the folder.

    Parameters
    ----------
    sets : sequence of SetFiles
    inits : mapping of str to tuple of Initialisation
        By set.
    output : Path
        A folder, made once there is something to write.
    config : TransferConfig, optional
    device : torch.device, optional
        CPU if not given.

    Yields
    ------
    Progress
        Per step of a cell, as a part of all steps.

    Returns
    -------
    CellStore
        All cells of the folder.

    Raises
    ------
    LocaldiscError
        If a set has fewer labelled images than asked for or cannot be read, or the folder was made
        with other settings or holds one of the images.
    """
    config, device = config or TransferConfig(), device or torch.device("cpu")
    check_result_folder(output, sets)
    for files in sets:
        for count in config.labels:
            check_enough(files.spec.name, len(files.train), count or 0)
    store = CellStore(output, _settings(sets, inits, config))
    todo = {files.spec.name: _missing(store, inits, files, config) for files in sets}
    steps = config.finetune.steps
    total, done = steps * sum(map(len, todo.values())), 0
    try:
        for files in sets:
            name = files.spec.name
            if not todo[name]:
                continue
            bench = _Bench((yield from read_set(files)), inits[name], config.finetune, device)
            for cell in todo[name]:
                step = partial(_step, done=done, total=total, message=cell.shown)
                store.add((yield from relay(bench.run(cell), step)))
                done += steps
    finally:
        if store.scores:
            write_transfer(output, store.scores, store.settings)
    return store


def _step(event: Progress, done: int, total: int, message: str) -> Progress:
    """One step of a cell as a part of the whole table."""
    return Progress("transfer", done + event.done, total, message, event.values)


def _missing(store: CellStore, inits: Inits, files: SetFiles, config: TransferConfig) -> list[Cell]:
    """Cells of a set that are still to be done; all initialisations of a seed before the next."""
    cells = [
        Cell(init.name, files.spec.name, labels, seed)
        for labels in config.labels
        for seed in range(config.seed, config.seed + config.seeds)
        for init in inits[files.spec.name]
    ]
    return [cell for cell in dict.fromkeys(cells) if cell not in store]


def _settings(sets: Sequence[SetFiles], inits: Inits, config: TransferConfig) -> dict[str, Any]:
    """Everything that a cell depends on beside its own coordinates."""
    settings: dict[str, Any] = config.finetune.model_dump(mode="json")
    for files in sets:
        name = files.spec.name
        settings[f"canvas of {name}"] = files.spec.size
        settings[f"turns of {name}"] = files.spec.turns or "auto"
        settings[f"training images of {name}"] = _fingerprint(files.train)
        settings[f"test images of {name}"] = _fingerprint(files.test)
        for init in inits[name]:
            settings[f"{init.name} on {name}"] = init.fingerprint
    return settings


def _fingerprint(pairs: Sequence[Pair]) -> str:
    """Tell files by their names and lengths, wherever they lie."""
    digest = hashlib.sha256()
    for pair in pairs:
        for path in (pair.image, pair.mask, pair.field):
            told = "none" if path is None else f"{path.name} {path.stat().st_size}"
            digest.update(f"{told}\n".encode())
    return f"{len(pairs)} ({digest.hexdigest()[:12]})"


class _Bench:
    """A set in memory on which initialisations are tried."""

    def __init__(
        self,
        labelled: LabelledSet,
        inits: Sequence[Initialisation],
        config: FinetuneConfig,
        device: torch.device,
    ) -> None:
        self.labelled, self.config, self.device = labelled, config, device
        self.inits = {init.name: init for init in inits}
        self.tests: dict[Preprocessing, Examples] = {}

    def run(self, cell: Cell) -> Run[CellScore]:
        """Fine-tune and score; progress per step."""
        start = time.perf_counter()
        init = self.inits[cell.init]
        prepare = init.card.preprocessing
        if prepare not in self.tests:
            self.tests[prepare] = Examples.of(self.labelled.test, prepare, self.device)
        drawn = self.labelled.draw(cell.labels, cell.seed)
        examples = Examples.of(drawn, prepare, self.device)
        network = init.build(cell.seed, self.device)
        yield from finetune(network, examples, self.config, self.labelled.turns, cell.seed)
        scores = dice_scores(network, self.tests[prepare])
        seconds = time.perf_counter() - start
        return CellScore(
            cell, len(drawn), fmean(scores), pstdev(scores), len(scores), seconds, str(self.device)
        )
