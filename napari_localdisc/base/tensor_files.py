"""Safetensors files with a JSON header of ours: nothing in them can execute."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from napari_localdisc.base.durable import make_folder, put
from napari_localdisc.base.errors import LocaldiscError, cannot_write
from napari_localdisc.base.limits import check_bytes

_Module = TypeVar("_Module", bound=torch.nn.Module)

_LONGEST_HEADER = 2**24
"""Bytes of names, sizes and card at the beginning of a file."""


def shipped_in(folder: Path) -> tuple[str, ...]:
    """Names of the files that come with the package in one of its folders."""
    return tuple(sorted(path.stem for path in folder.glob("*.safetensors")))


def find_file(name_or_path: str | Path, kind: str, folder: Path) -> Path:
    """Find a shipped file by its name, or any by its path.

    Parameters
    ----------
    name_or_path : str or Path
    kind : str
        What the file is, for example ``"encoder"``.
    folder : Path
        Where the shipped ones lie.

    Raises
    ------
    LocaldiscError
        If there is no such file.
    """
    shipped = shipped_in(folder)
    if str(name_or_path) in shipped:
        return folder / f"{name_or_path}.safetensors"
    path = Path(name_or_path)
    if not path.exists():
        raise LocaldiscError(
            f"{kind} {str(name_or_path)!r} is neither shipped ({', '.join(shipped) or 'none'}) nor"
            " a file; give one of these names or a path to a .safetensors file."
        )
    return path


def save_tensors(path: Path, kind: str, header: str, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors and a header; the file appears whole or not at all.

    Whatever happens meanwhile, a kill or a power cut included, `path` holds either what it held
    before or all of the new content.

    Parameters
    ----------
    path : Path
        Replaced if it exists; its folder is made if needed.
    kind : str
        What the file is, for example ``"encoder"``.
    header : str
        JSON text.
    tensors : mapping of str to Tensor

    Raises
    ------
    LocaldiscError
        If the file cannot be written: a full disk, a folder without permission.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        make_folder(path.parent)
        # Named after its file, so that what a kill leaves behind can be found.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        save_file(plain, name, metadata={"napari-localdisc": kind, "header": header})
        Path(name).chmod(0o644)
        put(Path(name), path)
    except OSError as error:
        raise cannot_write(path, error) from error
    except SafetensorError as error:
        raise cannot_write(path, _cause(error)) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _cause(error: SafetensorError) -> OSError:
    """Find the system's error in the text that safetensors makes of it."""
    found = re.search(r"os error (\d+)", str(error))
    number = int(found[1]) if found else 0
    return OSError(number, os.strerror(number) if found else str(error))


def kind_of(path: Path) -> str | None:
    """Kind of a file, as given to `save_tensors`; None if it is none of ours."""
    try:
        with safe_open(str(path), framework="pt") as file:
            return (file.metadata() or {}).get("napari-localdisc")
    except (SafetensorError, OSError):
        return None


def load_tensors(path: Path, kind: str) -> tuple[str, dict[str, Tensor]]:
    """Read tensors and header of a file of `save_tensors`.

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
        check_bytes(path)
        _check_header(path)
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            found = metadata.get("napari-localdisc")
            if found != kind:
                what = f"is of kind {found!r}" if found else "was not written by napari-localdisc"
                raise LocaldiscError(f"{path} {what}; expected a file of kind {kind!r}.")
            return metadata["header"], {name: file.get_tensor(name) for name in names}
    except LocaldiscError:
        raise
    except Exception as error:  # whatever the library makes of a damaged file
        raise LocaldiscError(
            f"{path} is not a readable {kind} file ({error}); give a .safetensors file"
            " written by napari-localdisc."
        ) from error


def _check_header(path: Path) -> None:
    """Refuse a header that takes long to read before the library reads it."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"header of {length} bytes, more than the limit of {_LONGEST_HEADER}")


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
    """Load tensors into a module, or raise an error with the file that does not fit."""
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise LocaldiscError(
            f"the weights in {path} do not fit the network that its card describes ({detail});"
            " the file is damaged or of another version."
        ) from error
