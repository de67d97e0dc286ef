"""Checkpoints: the state of a training between two steps, in plain values and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

FORMAT = 1
"""Raised when older states can no longer be taken up."""


@dataclass(frozen=True)
class TrainingState:
    """A checkpoint from which training resumes as if it had never stopped.

    Attributes
    ----------
    recipe : dict
        Settings, encoder card, device and images: what must be the same to go on.
    step : int
        Steps done.
    seconds : float
        Time taken so far.
    plain : object
        Nested values that JSON holds, with the places of the tensors.
    tensors : dict of str to Tensor
        On the CPU, and this snapshot's own.
    """

    recipe: dict[str, Any]
    step: int
    seconds: float
    plain: Any
    tensors: dict[str, Tensor]


class Checkpoints(Protocol):
    """A store of checkpoints; the core has no files."""

    def due(self, step: int) -> bool:
        """Whether a snapshot is wanted after this step."""
        ...

    def save(self, state: TrainingState) -> None:
        """Keep a snapshot in place of the last one."""
        ...


def pack(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Take the tensors out of nested dicts, lists and tuples.

    Parameters
    ----------
    value : object
    name : str
        What to call it; its parts are named after it.
    tensors : dict of str to Tensor
        Copies of the tensors are added here.

    Returns
    -------
    object
        What `unpack` needs besides the tensors, in values that JSON holds without loss.
    """
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        items = [[key, pack(item, f"{name}/{key}", tensors)] for key, item in value.items()]
        return {"dict": items}
    if isinstance(value, list | tuple):
        items = [pack(item, f"{name}/{index}", tensors) for index, item in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"expected {name} to be plain or a tensor, got {type(value).__name__}")


def unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Put the tensors back where `pack` took them from."""
    if isinstance(packed, list):
        return [unpack(item, tensors) for item in packed]
    if not isinstance(packed, dict):
        return packed
    if "tensor" in packed:
        return tensors[packed["tensor"]]
    if "tuple" in packed:
        return tuple(unpack(item, tensors) for item in packed["tuple"])
    return {key: unpack(item, tensors) for key, item in packed["dict"]}


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Differences of two recipes, one short phrase each.

    Nested mappings are compared entry by entry, the pool's images by name, content and order.
    """
    found: list[str] = []
    for key in dict.fromkeys([*saved, *now]):
        before, after = saved.get(key), now.get(key)
        if key == "pool" and before and after:
            found += _other_images(before, after)
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after)
        elif before != after:
            found.append(f"{key} was {_shown(before)} and is {_shown(after)}")
    return found


def _other_images(saved: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    gone = [f"{name} is missing" for name in saved if name not in now]
    new = [f"{name} is new" for name in now if name not in saved]
    changed = [f"{name} has changed" for name in saved if now.get(name, saved[name]) != saved[name]]
    found = changed + gone + new
    if not found and list(saved) != list(now):
        return ["the images come in another order"]
    return found


def _shown(value: Any) -> str:
    return "not set" if value is None else f"{value}"
