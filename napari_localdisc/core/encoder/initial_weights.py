"""Initial weights of networks, decided by a seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

_ONE_AT_A_TIME = RLock()


@contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Let modules that are built inside have weights that the seed decides.

    Modules draw their initial weights from torch's global generator, which belongs to the caller
    and to other threads as well: it is as before afterwards.

    Parameters
    ----------
    seed : int
    """
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
