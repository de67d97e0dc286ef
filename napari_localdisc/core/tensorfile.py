"""Safetensors files with a JSON header of ours: nothing in them can execute."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from napari_localdisc.core.errors import LocaldiscError


def save_tensors(path: Path, kind: str, header: str, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors and a header; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists; its folder is made if needed.
    kind : str
        What the file is, for example ``"encoder"``.
    header : str
        JSON text.
    tensors : mapping of str to Tensor
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        save_file(plain, name, metadata={"napari-localdisc": kind, "header": header})
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_tensors(path: Path, kind: str) -> tuple[str, dict[str, Tensor]]:
    """Read what `save_tensors` wrote.

    Returns
    -------
    header : str
    tensors : dict of str to Tensor

    Raises
    ------
    LocaldiscError
        If the file is missing, is no safetensors file, or is of another kind.
    """
    if not path.is_file():
        raise LocaldiscError(f"{kind} file {path} does not exist; check the path.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            found = metadata.get("napari-localdisc")
            if found != kind:
                what = f"is of kind {found!r}" if found else "was not written by napari-localdisc"
                raise LocaldiscError(f"{path} {what}; expected a file of kind {kind!r}.")
            return metadata["header"], {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError) as error:
        raise LocaldiscError(
            f"{path} is not a readable {kind} file ({error}); give a .safetensors file"
            " written by napari-localdisc."
        ) from error


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
