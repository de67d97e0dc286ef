"""Calls for a process that computes, of the kinds that real ones are."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress


def count(total, seconds=0.0, mark=None):
    """Yield events, each after some seconds; note in a file how far it is."""
    for number in range(total):
        time.sleep(seconds)
        if mark is not None:
            Path(mark).write_text(str(number + 1))
        yield Progress("count", number + 1, total, f"number {number + 1}", payload=number)
    return total


def doubled(array):
    yield Progress("double", 0, 1, payload=array[::2])
    return {"array": array * 2, "text": "é"}


def stuck(seconds):
    """Say nothing for long."""
    yield Progress("stuck", 0, 1)
    time.sleep(seconds)
    yield Progress("stuck", 1, 1)


def refused():
    yield Progress("refuse", 0, 1)
    raise LocaldiscError("film.png is no image; give an image.")


class OddError(Exception):
    """Cannot be made again from what it is pickled as."""

    def __init__(self, one, two):
        super().__init__(one)


def odd():
    yield Progress("odd", 0, 1)
    raise OddError("something odd", 2)


def noisy():
    print("a library talks")  # noqa: T201
    os.write(1, b"in C, too\n")
    yield Progress("noise", 1, 1)
    return np.float32(1)


def killed(number):
    yield Progress("kill", 0, 1)
    os.kill(os.getpid(), signal.Signals(number))
    time.sleep(60)


def who():
    yield Progress("who", 0, 1)
    return os.getpid()
