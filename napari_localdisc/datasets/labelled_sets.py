"""Labelled sets from files: images and masks matched by name, divided, and laid on a canvas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.batch.outputs import check_output_folder
from napari_localdisc.core.evaluation.labelled_sets import (
    LabelledImage,
    LabelledSet,
    labels_to_canvas,
)
from napari_localdisc.core.imaging.arrays import is_coloured
from napari_localdisc.datasets.sample import shrink
from napari_localdisc.datasets.set_list import SetSpec
from napari_localdisc.files.discovery import Choice
from napari_localdisc.files.pairs import match_places
from napari_localdisc.formats.images import image_stem, read_image
from napari_localdisc.formats.masks import read_mask


@dataclass(frozen=True)
class Pair:
    """Files of one labelled image."""

    image: Path
    mask: Path
    field: Path | None = None


@dataclass(frozen=True)
class SetFiles:
    """Files of a labelled set, divided.

    Attributes
    ----------
    spec : SetSpec
    train, test : tuple of Pair
        To learn from, and to be judged by.
    unmatched : tuple of Path
        Images without a mask.
    """

    spec: SetSpec
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]
    unmatched: tuple[Path, ...]


def list_set(spec: SetSpec, choice: Choice | None = None) -> SetFiles:
    """Find the files of a set and divide them; the same files are always divided alike.

    Parameters
    ----------
    spec : SetSpec
    choice : Choice, optional
        Which images its folders are asked for.

    Raises
    ------
    LocaldiscError
        If a folder is missing or empty, no names match, a field of view is missing, or nothing is
        left to learn from or to be judged by.
    """
    choice = choice or Choice()
    pairs, unmatched = _pairs(choice, spec.name, spec.images, spec.masks, spec.fov)
    if spec.test_images is None or spec.test_masks is None:
        train, test = _split(spec, pairs)
        return SetFiles(spec, tuple(train), tuple(test), tuple(unmatched))
    test, more = _pairs(choice, spec.name, spec.test_images, spec.test_masks, spec.test_fov)
    return SetFiles(spec, tuple(pairs), tuple(test[: spec.test]), (*unmatched, *more))


def check_result_folder(output: Path, sets: Sequence[SetFiles]) -> None:
    """Refuse a folder of results that is a file or holds images of a set.

    Raises
    ------
    LocaldiscError
    """
    pairs = [pair for files in sets for pair in (*files.train, *files.test)]
    check_output_folder(output, [path for pair in pairs for path in (pair.image, pair.mask)])


def _pairs(
    choice: Choice, name: str, images: Path, masks: Path, fov: Path | None
) -> tuple[list[Pair], list[Path]]:
    files = choice.find([images])
    partners = match_places(files, choice.find_masks(masks, by_name=False), (images, masks))
    if not partners:
        raise LocaldiscError(
            f"set {name}: no image in {images} matches a mask in {masks} by name; give both the"
            " same file names."
        )
    fields: dict[Path, Path] = {}
    if fov is not None:
        views = choice.find_masks(fov, by_name=False)
        fields = match_places(list(partners), views, (images, fov))
    bare = next((file for file in partners if fov and file not in fields), None)
    if bare is not None:
        raise LocaldiscError(
            f"set {name}: {bare} has no field of view of a matching name in {fov}; add it or leave"
            " the fields of view out."
        )
    pairs = [Pair(file, mask, fields.get(file)) for file, mask in partners.items()]
    return sorted(pairs, key=lambda pair: pair.image), [f for f in files if f not in partners]


def _split(spec: SetSpec, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Divide at random, image by image or person by person."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(_who(spec, pair), []).append(pair)
    people = list(groups.values())
    order = np.random.default_rng(spec.split_seed).permutation(len(people))
    wanted = spec.train if spec.train >= 1 else max(1, round(spec.train * len(pairs)))
    train: list[Pair] = []
    test: list[Pair] = []
    for index in order:
        (train if len(train) < wanted else test).extend(people[index])
    if not test:
        raise LocaldiscError(
            f"set {spec.name} has {len(pairs)} labelled images and none is left to be judged by;"
            " learn from fewer or give test folders."
        )
    return train, test[: spec.test]


def _who(spec: SetSpec, pair: Pair) -> str:
    found = re.search(spec.group, image_stem(pair.image)) if spec.group else None
    return found[1] if found else str(pair.image)


def read_set(
    files: SetFiles, train: int | None = None, test: int | None = None
) -> Run[LabelledSet]:
    """Read a set, or the first of its files.

    Parameters
    ----------
    files : SetFiles
    train, test : int, optional
        At most so many images, drawn at random but always the same ones; all if not given.

    Yields
    ------
    Progress
        Per file.

    Raises
    ------
    LocaldiscError
        If a file cannot be read, partners differ in size, or all masks of a part are empty or full.
    """
    spec = files.spec
    parts = _few(files.train, train), _few(files.test, test)
    total = sum(map(len, parts))
    read: list[LabelledImage] = []
    colour = False
    for pair in (pair for part in parts for pair in part):
        image = _read(pair, spec.size)
        colour = colour or is_coloured(image.pixels)
        read.append(image)
        yield Progress("read", len(read), total, f"{spec.name}: {pair.image.name}")
    learnt, judged = read[: len(parts[0])], read[len(parts[0]) :]
    _check_masks(spec, learnt, spec.masks)
    _check_masks(spec, judged, spec.test_masks or spec.masks)
    turns = spec.turns or ("square" if colour else "mirror")
    return LabelledSet(spec.name, spec.size, turns, tuple(learnt), tuple(judged))


def _check_masks(spec: SetSpec, images: Sequence[LabelledImage], folder: Path) -> None:
    if not any(image.truth.any() for image in images):
        what = "empty"
    elif all(image.truth[image.field].all() for image in images):
        what = "full"
    else:
        return
    raise LocaldiscError(
        f"set {spec.name}: all {len(images)} masks read from {folder} are {what} at {spec.size} px;"
        " check that they show the structure."
    )


def _few(pairs: tuple[Pair, ...], count: int | None) -> tuple[Pair, ...]:
    if count is None or count >= len(pairs):
        return pairs
    chosen = np.random.default_rng(0).permutation(len(pairs))[:count]
    return tuple(pairs[index] for index in sorted(chosen))


def _read(pair: Pair, size: int) -> LabelledImage:
    pixels, truth = read_image(pair.image, may_be_stack=False).pixels, read_mask(pair.mask)
    field = None if pair.field is None else read_mask(pair.field)
    for mask, path in ((truth, pair.mask), (field, pair.field)):
        if mask is not None and mask.shape != pixels.shape[:2]:
            raise LocaldiscError(
                f"{pair.image} is {_extent(pixels.shape)} pixels and {path} is"
                f" {_extent(mask.shape)}; give masks of their image's size."
            )
    return labels_to_canvas(pair.image.name, shrink(pixels, size), truth, size, field)


def _extent(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
