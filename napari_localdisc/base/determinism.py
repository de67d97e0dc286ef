"""Same seed, same result, whatever the rest of the process does meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

MOST_THREADS = 8
"""CPU threads of a run: crops are small, and the machine is seldom ours alone."""

States = dict[str, Tensor]


class Determinism:
    """A run's own stream of torch's global random numbers, and the switches that it needs.

    Augmentations and initial weights are drawn from torch's global generators. Between the steps of
    a run other code draws from them too, so a run takes its own state up for each step and puts the
    state that it found back afterwards.

    Parameters
    ----------
    seed : int
    device : torch.device
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            # cuBLAS reads this when it starts, and is not deterministic without.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        found = self._read()
        torch.manual_seed(seed)
        self.states = self._read()
        self._write(found)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Compute something of the run."""
        found, switches = self._read(), _switches()
        self._write(self.states)
        _set_switches((True, True, False, False, min(MOST_THREADS, torch.get_num_threads())))
        try:
            yield
        finally:
            self.states = self._read()
            self._write(found)
            _set_switches(switches)

    def _read(self) -> States:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        return states

    def _write(self, states: States) -> None:
        torch.set_rng_state(states["cpu"])
        if "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self.device)
        if "mps" in states:
            torch.mps.set_rng_state(states["mps"])


_Switches = tuple[bool, bool, bool, bool, int]


def _switches() -> _Switches:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark,
        torch.get_num_threads(),
    )


def _set_switches(switches: _Switches) -> None:
    deterministic, warn_only, fill, benchmark, threads = switches
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = benchmark
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
