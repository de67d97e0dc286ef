"""All masks of a run as one COCO file: an annotation for each part."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.atomic import replacing
from napari_localdisc.formats.further.finding import parts_in
from napari_localdisc.formats.further.outlines import Mask, Part


@dataclass(frozen=True)
class Annotated:
    """The mask of an image.

    Attributes
    ----------
    name : str
        Of the image's file.
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
    score : float or None
        How confident the image's mask is, in [0, 1].
    """

    name: str
    labels: npt.NDArray[np.uint8]
    score: float | None


def write_coco(masks: Iterator[Annotated], targets: Sequence[str], path: Path) -> None:
    """Write a COCO file, mask by mask, whole or not at all.

    Targets are its categories. Each plane of a stack is an image of its own, with the number of the
    plane. A part without holes is a polygon along the edges of its pixels, one with holes a run
    length encoding: both give the mask back pixel by pixel.

    Raises
    ------
    LocaldiscError
        If the file cannot be written.
    """
    with replacing(path, ".json") as temporary, temporary.open("w", encoding="utf-8") as file:
        images = list[dict[str, Any]]()
        file.write('{"annotations":[')
        count = 0
        for mask in masks:
            count = _add(mask, len(targets), images, count, file)
        categories = [{"id": label, "name": name} for label, name in enumerate(targets, start=1)]
        rest = json.dumps({"images": images, "categories": categories, "info": {}, "licenses": []})
        file.write(f"],{rest[1:]}")


def _add(
    mask: Annotated, targets: int, images: list[dict[str, Any]], count: int, file: IO[str]
) -> int:
    *planes, height, width = mask.labels.shape
    first = len(images) + 1
    for plane in range(planes[0] if planes else 1):
        about = {"plane": plane} if planes else {}
        size = {"width": width, "height": height}
        images.append({"id": first + plane, "file_name": mask.name, **size, **about})
    for plane, label, part in parts_in(mask.labels, targets):
        count += 1
        one = _annotation(part, (height, width))
        told = {} if mask.score is None else {"score": round(mask.score, 4)}
        one |= {"id": count, "image_id": first + plane, "category_id": label, **told}
        file.write(("," if count > 1 else "") + json.dumps(one, separators=(",", ":")))
    return count


def _annotation(part: Part, shape: tuple[int, int]) -> dict[str, Any]:
    rings = part.rings()
    outline: Any = [[number for corner in rings[0][:-1] for number in corner]]
    if len(rings) > 1:
        outline = {"size": list(shape), "counts": _counts(part, shape)}
    height, width = part.pixels.shape
    box = [part.column, part.row, width, height]
    return {"segmentation": outline, "area": part.area, "bbox": box, "iscrowd": 0}


def _counts(part: Part, shape: tuple[int, int]) -> list[int]:
    """Lengths of runs outside and inside by turns, down the columns one after the other."""
    whole: Mask = np.zeros(shape, np.bool_)
    height, width = part.pixels.shape
    whole[part.row : part.row + height, part.column : part.column + width] = part.pixels
    flat = np.concatenate([[False], whole.ravel(order="F")])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    lengths: list[int] = np.diff([0, *changes, flat.size - 1]).tolist()
    return lengths
