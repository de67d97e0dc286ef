"""Weights of networks: from files into modules, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import Arrays

_Module = TypeVar("_Module", bound=torch.nn.Module)


def arrays_of(tensors: Mapping[str, Tensor]) -> dict[str, npt.NDArray[Any]]:
    """Copy tensors of any device to arrays, as a file takes them."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def tensors_of(arrays: Arrays) -> dict[str, Tensor]:
    """Make tensors of the arrays of a file, which they share their memory with."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def filled(build: Callable[[], _Module], tensors: Mapping[str, Tensor], path: Path) -> _Module:
    """Build a module with the weights of a file, ready for use.

    Its size is compared with the file's before any memory is taken for it: a card can describe more
    than the file holds.

    Parameters
    ----------
    build : callable
        Makes the module, with random weights.
    tensors : mapping of str to Tensor
    path : Path
        The file that both come from.

    Raises
    ------
    LocaldiscError
        If the tensors are not those of the module, or not finite.
    """
    with torch.device("meta"):
        expected = {name: tensor.shape for name, tensor in build().state_dict().items()}
    other = next(
        (
            name
            for name in sorted({*expected, *tensors})
            if name not in tensors or tensors[name].shape != expected.get(name)
        ),
        None,
    )
    if other is not None:
        raise LocaldiscError(
            f"the weights in {path} do not fit the network that its card describes (at"
            f" {other}); the file is damaged or of another version."
        )
    check_finite(tensors, path)
    module = build()
    fill(module, tensors, path)
    return module.eval()


def check_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights that would turn every result into nothing."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor.float()).all():
            raise LocaldiscError(
                f"the weights in {path} are not finite (at {name}); the file is damaged."
            )


def fill(module: torch.nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load tensors into a module, or say which file does not fit."""
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise LocaldiscError(
            f"the weights in {path} do not fit the network that its card describes ({detail});"
            " the file is damaged or of another version."
        ) from error
