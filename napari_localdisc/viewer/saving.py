"""Masks of a viewer as files beside a report, as a folder run writes them. No Qt."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tifffile
from napari.layers import Labels

from napari_localdisc.base.atomic import replacing
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.outputs import RECIPE
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.files.naming import output_names
from napari_localdisc.formats import orientation
from napari_localdisc.formats.images import Image as SourceImage
from napari_localdisc.formats.images import mask_suffix, read_image, write_mask
from napari_localdisc.formats.registry import SERIES
from napari_localdisc.reports.report import REPORT, FileResult, write_report
from napari_localdisc.stores.recipes import write_recipe
from napari_localdisc.viewer.corrections import every_target
from napari_localdisc.viewer.layer_place import LayerPlace
from napari_localdisc.viewer.layers import SEGMENTATION, UNFINISHED, recipe_of

if TYPE_CHECKING:
    from napari.layers import Layer

_STACK = ".tif"
_KINDS = (SEGMENTATION, UNFINISHED)


@dataclass(frozen=True)
class MaskToSave:
    """A label map as it is at the moment, painted on or not.

    Attributes
    ----------
    labels : ndarray of uint8, shape (..., H, W)
    image : Path
        The image's file, or its name where it has none.
    recipe : dict
        How the labels were made; ``corrected`` says whether somebody has painted on them since.
    place : LayerPlace
        Where they lie.
    """

    labels: npt.NDArray[np.uint8]
    image: Path
    recipe: dict[str, Any]
    place: LayerPlace


@dataclass(frozen=True)
class SavedMasks:
    """Files that were written.

    Attributes
    ----------
    paths : tuple of Path
        One for each mask.
    notes : tuple of str
        A sentence for each mask whose place is not in its file.
    """

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def fingerprint(labels: npt.NDArray[Any]) -> int:
    """Tell labels from others, to see later whether they were painted on."""
    return zlib.crc32(np.asarray(labels, dtype=np.uint8).tobytes())


def checksum(pixels: Any, is_colour: bool = False) -> int:
    """Tell an image's pixels from others, to see later how they were turned; alpha is left out."""
    plain = np.asarray(pixels)
    return zlib.crc32(np.ascontiguousarray(plain[..., :3] if is_colour else plain).tobytes())


def masks_of(layers: Iterable[Layer]) -> list[MaskToSave]:
    """Copy the segmentations among some layers.

    What a cancelled run has left counts where nothing else was found in its image.

    Raises
    ------
    LocaldiscError
        If there is none.
    """
    every = [_mask_of(layer) for layer in layers if _is_segmentation(layer)]
    finished = {mask.image for mask in every if _is_finished(mask)}
    found = [mask for mask in every if _is_finished(mask) or mask.image not in finished]
    if not found:
        raise LocaldiscError("there is no segmentation to save; run guidance first.")
    return found


def _is_segmentation(layer: Layer) -> bool:
    recipe = recipe_of(layer) or {}
    return isinstance(layer, Labels) and recipe.get("kind") in _KINDS and "image" in recipe


def _is_finished(mask: MaskToSave) -> bool:
    return bool(mask.recipe["kind"] == SEGMENTATION)


def _mask_of(layer: Layer) -> MaskToSave:
    recipe = recipe_of(layer) or {}
    labels = np.array(layer.data, dtype=np.uint8)
    recipe["corrected"] = fingerprint(labels) != recipe.get("fingerprint")
    image = Path(recipe.get("path") or recipe["image"])
    return MaskToSave(labels, image, recipe, LayerPlace.of(layer))


def save_masks(masks: Sequence[MaskToSave], output: Path) -> Run[SavedMasks]:
    """Write masks, ``report.csv`` and ``recipe.json`` into a folder.

    A mask of an image file is written as a folder run would write it, in the image's own place; one
    of a plane of a stack, or of an image that is in no file, as NIfTI where its layer has a place
    of its own, else as TIFF. Masks that were saved there before are replaced, other files never.

    Raises
    ------
    LocaldiscError
        If a file would be replaced that this program did not write, or one cannot be written.
    """
    names = output_names([mask.image for mask in masks])
    results: list[FileResult] = []
    notes: list[str] = []
    with Journal(output, {"saved from": "napari"}, overwrite=True) as journal:
        expected = [f"{name}{_ending(mask)}" for name, mask in zip(names, masks, strict=True)]
        journal.begin([REPORT, RECIPE, *expected])
        for number, (mask, name) in enumerate(zip(masks, names, strict=True)):
            yield Progress("save", number, len(masks), f"Saving {name}")
            like, turned, note = _image_of(mask)
            notes += [f"The mask of {name} is saved without its place: {note}"] if note else []
            journal.begin([f"{name}{like.geometry.suffix if like else _STACK}"])
            path = _write(turned, output / name, like)
            confidence = float(np.mean(mask.recipe.get("confidence", 0.0)))
            area = int(np.count_nonzero(mask.labels))
            results.append(FileResult(mask.image, path, "done", 0.0, area, confidence))
            journal.finish(name, Fingerprint.of(path), results[-1])
        write_report(output / REPORT, results)
        recipes = {name: mask.recipe for name, mask in zip(names, masks, strict=True)}
        write_recipe(output / RECIPE, {"masks": recipes})
    return SavedMasks(tuple(result.output for result in results if result.output), tuple(notes))


def _ending(mask: MaskToSave) -> str:
    return mask_suffix(mask.image) if _is_there(mask.image) else _STACK


def _is_there(path: Path) -> bool:
    """Whether an image is a file, or a folder that holds a series."""
    return path.is_file() or (path.is_dir() and SERIES.is_series(path))


def _image_of(mask: MaskToSave) -> tuple[SourceImage | None, MaskToSave, str]:
    """Return the image that a mask can be written for and the mask as that image is read.

    Where there is none that has a place, the third says why.
    """
    if _is_there(mask.image):
        image = read_image(mask.image)
        upright = _as_read(mask, image)
        if upright is None:
            return None, mask, "the file says that its picture is turned, and was shown otherwise"
        if image.extent == upright.shape:
            return image, replace(mask, labels=upright), ""
    if mask.place.is_plain:
        return None, mask, ""
    try:
        geometry = mask.place.as_nifti(mask.labels.shape)
    except LocaldiscError as error:
        return None, mask, str(error)
    pixels = mask.labels if mask.labels.ndim == 2 else mask.labels[..., None]
    return SourceImage(pixels, mask.image, geometry), mask, ""


def _as_read(mask: MaskToSave, image: SourceImage) -> npt.NDArray[np.uint8] | None:
    """Turn labels as their image is read, however it was shown when they were found.

    Readers of napari heed the tag that says how a picture is turned, or do not; which, its pixels
    tell. None if they are neither.
    """
    turn = getattr(image.geometry, "orientation", orientation.UPRIGHT)
    seen = mask.recipe.get("seen")
    if turn == orientation.UPRIGHT or seen is None:
        return mask.labels
    pixels = np.asarray(image.pixels)
    if seen == checksum(pixels):
        return mask.labels
    if seen == checksum(_each(pixels, image.is_stack, orientation.as_stored, turn)):
        return _each(mask.labels, image.is_stack, orientation.upright, turn).astype(np.uint8)
    return None


def _each(
    pixels: npt.NDArray[Any],
    is_stack: bool,
    turned: Callable[[npt.NDArray[Any], int], npt.NDArray[Any]],
    turn: int,
) -> npt.NDArray[Any]:
    """Turn a picture, or every page of a stack."""
    return np.stack([turned(page, turn) for page in pixels]) if is_stack else turned(pixels, turn)


def _write(mask: MaskToSave, path: Path, like: SourceImage | None) -> Path:
    if like is not None:
        targets = every_target(mask.labels, list(map(str, mask.recipe.get("targets") or [])))
        return write_mask(mask.labels, path, like, len(targets) == 1, targets)
    target = path.with_name(f"{path.name}{_STACK}")
    with replacing(target, _STACK) as temporary:
        tifffile.imwrite(temporary, mask.labels, photometric="minisblack", compression="zlib")
    return target
