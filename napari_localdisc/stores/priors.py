"""Priors from built-in names, folders of masks and prior files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors import BUILT_IN_PRIORS, simulate
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.formats.images import image_stem
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.formats.registry import SUFFIXES, is_image_name
from napari_localdisc.stores.prior_files import read_prior

MOST_REFERENCES = 200
"""Masks read from a folder; of more, that many are taken at even distances."""


def load_prior(spec: str | Path, count: int = 20, seed: int = 0) -> Prior:
    """Load a prior by its built-in name, from a folder or from a file.

    Parameters
    ----------
    spec : str or Path
        A built-in name; a folder of binary masks (one target, named after the folder); or a folder
        of one folder per target, whose masks belong together by file name; or a file that
        `save_prior` wrote. A folder that bears a built-in name is meant by ``./name``.
    count : int
        References to simulate for a built-in name.
    seed : int
        Seed of the simulation.

    Raises
    ------
    LocaldiscError
        If there is no such prior, a mask cannot be read or does not fit its partners or has no
        background, or no mask has a foreground pixel.
    """
    if isinstance(spec, str) and spec in BUILT_IN_PRIORS:
        return simulate(spec, count, seed)
    folder = Path(spec)
    if folder.suffix == ".safetensors" and folder.is_file():
        return read_prior(folder)
    if not folder.is_dir():
        known = ", ".join(BUILT_IN_PRIORS)
        raise LocaldiscError(
            f"prior {str(spec)!r} is neither built in ({known}) nor a folder of masks nor a"
            " prior file; check the name."
        )
    groups = _target_folders(folder)
    stems = _common_stems(folder, groups)
    masks = [_read_targets([group[stem] for group in groups.values()]) for stem in _thinned(stems)]
    return Prior.from_masks(masks, str(spec), tuple(groups))


def _target_folders(folder: Path) -> dict[str, dict[str, Path]]:
    """Masks by target and stem."""
    masks = _masks_in(folder)
    inner = {
        child.name: _masks_in(child)
        for child in sorted(folder.iterdir())
        if child.is_dir() and not child.name.startswith(".")
    }
    groups = {name: found for name, found in inner.items() if found}
    if masks and groups:
        raise LocaldiscError(
            f"prior {folder} holds both masks and folders of masks ({', '.join(groups)}); keep"
            " either masks of one target or one folder per target."
        )
    if not masks and not groups:
        raise LocaldiscError(
            f"prior {folder} holds no mask ({', '.join(SUFFIXES)}); check the path."
        )
    return groups or {folder.resolve().name: masks}


def _masks_in(folder: Path) -> dict[str, Path]:
    files = sorted(file for file in folder.iterdir() if is_image_name(file) and file.is_file())
    masks: dict[str, Path] = {}
    for file in files:
        other = masks.setdefault(image_stem(file), file)
        if other != file:
            raise LocaldiscError(f"{other} and {file} are two masks of one name; remove one.")
    return masks


def _common_stems(folder: Path, groups: dict[str, dict[str, Path]]) -> list[str]:
    known = sorted(set().union(*groups.values()))
    for target, masks in groups.items():
        for stem in known:
            if stem not in masks:
                raise LocaldiscError(
                    f"prior {folder} has no mask {stem!r} for target {target!r}; give every target"
                    " a mask of the same name, an empty one where the structure is absent."
                )
    return known


def _thinned(stems: list[str]) -> list[str]:
    if len(stems) <= MOST_REFERENCES:
        return stems
    return [stems[index] for index in np.linspace(0, len(stems) - 1, MOST_REFERENCES).astype(int)]


def _read_targets(paths: list[Path]) -> npt.NDArray[np.bool_]:
    planes = [read_mask(path) > 0 for path in paths]
    for path, plane in zip(paths, planes, strict=True):
        if plane.shape != planes[0].shape:
            raise LocaldiscError(
                f"{path} is {_size(plane)} pixels and {paths[0]} is {_size(planes[0])};"
                " the masks of one reference must have one size."
            )
    full = next((path for path, plane in zip(paths, planes, strict=True) if plane.all()), None)
    if full is not None:
        raise LocaldiscError(
            f"mask {full} has no background, every pixel is foreground; give a mask that is 0"
            " outside the structure."
        )
    return np.stack(planes)


def _size(mask: npt.NDArray[np.bool_]) -> str:
    return f"{mask.shape[1]} x {mask.shape[0]}"
