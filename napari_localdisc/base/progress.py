"""Progress events, and the generators that yield them.

Anything long in this package is a generator: it yields `Progress` events, returns its result and
can be closed at any time. The command line and napari only differ in who drives it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """One step of something long.

    Attributes
    ----------
    stage : str
        What is being done, in one word: ``"read"``, ``"embed"``, ``"search"``, ``"refine"``, ...
    done, total : int
        Units of this stage finished, and their number.
    message : str
        A short line for a progress bar.
    values : mapping of str to float
        Points of curves, for example ``{"kl": 1.3}``.
    payload : object
        Something to show or collect: a preview label map, the result of a file.
    """

    stage: str
    done: int
    total: int
    message: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    payload: object = None


Run = Generator[Progress, None, T]


def drain(run: Run[T], on_progress: Callable[[Progress], object] | None = None) -> T:
    """Drive a run to its end and return its result.

    Parameters
    ----------
    run : generator of Progress
        The run; it is closed if `on_progress` raises.
    on_progress : callable, optional
        Called with every event.
    """
    try:
        while True:
            event = next(run)
            if on_progress is not None:
                on_progress(event)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        run.close()


def relay(run: Run[T], change: Callable[[Progress], Progress]) -> Run[T]:
    """Drive a run within another one, and change its events.

    Parameters
    ----------
    run : generator of Progress
        Closed with this one.
    change : callable
        From an event of the run to the one that is yielded.
    """
    try:
        while True:
            yield change(next(run))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        run.close()
