"""What to say when the process that computes is gone."""

from __future__ import annotations

import signal

from napari_localdisc.base.errors import LocaldiscError

_KEPT = "Layers, drawings, corrections and settings are as they were"
_ADVICE = {
    "SIGKILL": (
        "the system ended it, usually because memory ran out",
        "close other programs or take fewer or smaller images, then run again",
    ),
    "SIGSEGV": (
        "a library or a graphics driver in it crashed",
        "run again, and if it happens again choose the device cpu",
    ),
}
_OTHER = ("its log ends with: {log}", "run again")


class ComputeLostError(LocaldiscError):
    """The process that computes ended, or could not be started."""


def cannot_start(error: OSError) -> ComputeLostError:
    """Say that the system refuses to start it."""
    reason = error.strerror or str(error)
    return ComputeLostError(
        f"the process that computes cannot be started ({reason}); close other programs, or use the"
        " command napari-localdisc segment instead."
    )


def lost(code: int, log: str, *, stopped: bool, was_ready: bool) -> ComputeLostError:
    """Say in one sentence why the process is gone, and what to do.

    Parameters
    ----------
    code : int
        Its exit code, negative for a signal.
    log : str
        The end of what it wrote to standard error.
    stopped : bool
        Whether it was told to end.
    was_ready : bool
        Whether it had begun to work.
    """
    if stopped:
        return ComputeLostError("the run has ended because everything was unloaded; run again.")
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "nothing").strip()
    if not was_ready:
        return ComputeLostError(
            f"the process that computes ended before it could begin ({_name(code)}: {last});"
            " install napari-localdisc again, or use the command napari-localdisc segment instead."
        )
    why, remedy = _ADVICE.get(_name(code), _OTHER)
    return ComputeLostError(
        f"the process that computes ended ({_name(code)}): {why.format(log=last)}."
        f" {_KEPT}; {remedy}."
    )


def _name(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
