"""Which device computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_localdisc.base.errors import LocaldiscError

if TYPE_CHECKING:
    import torch

_AT_ONCE = 8
"""Images that keep a GPU busy; on a CPU one does already, and more would not fit its caches."""


def available_devices() -> tuple[str, ...]:
    """Names of the usable devices, ``"cpu"`` first."""
    import torch

    names = ["cpu"]
    if torch.cuda.is_available():
        names += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return tuple(names)


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device name into a usable device.

    Parameters
    ----------
    name : str
        ``"auto"`` (the first GPU, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.

    Raises
    ------
    LocaldiscError
        If the device is unknown or not there.
    """
    import torch

    found = available_devices()
    if name == "auto":
        return torch.device(found[1] if len(found) > 1 else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in found:
        raise LocaldiscError(
            f"device {name!r} is not available here (found: {', '.join(found)});"
            " use --device auto or one of these."
        )
    return torch.device(wanted)


def best_at_once(device: torch.device) -> int:
    """Tell how many images are best put through a network together."""
    return _AT_ONCE if device.type == "cuda" else 1
