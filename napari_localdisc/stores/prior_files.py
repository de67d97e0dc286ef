"""Prior files: the reference masks of a prior in one ``.safetensors`` file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.base.tensor_files import load_tensors, save_tensors
from napari_localdisc.core.priors.prior import Prior

KIND = "prior"


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    targets: tuple[str, ...] = Field(min_length=1, max_length=255)
    side: int = Field(ge=8, le=4096)


def save_prior(prior: Prior, path: Path) -> None:
    """Write a prior to one file, eight pixels of its masks to a byte.

    Raises
    ------
    LocaldiscError
        If the file cannot be written.
    """
    card = _Card(name=prior.name, targets=prior.targets, side=prior.masks.shape[-1])
    packed = np.packbits(prior.masks, axis=-1)
    save_tensors(path, KIND, card.model_dump_json(), {"masks": packed})


def read_prior(path: Path) -> Prior:
    """Read what `save_prior` wrote.

    Raises
    ------
    LocaldiscError
        If the file is none, or holds no masks of the right size or too many.
    """
    header, tensors = load_tensors(path, KIND)
    try:
        card = _Card.model_validate_json(header)
        packed = tensors["masks"]
    except (ValidationError, KeyError) as error:
        raise _damaged(path) from error
    expected = (len(card.targets), card.side, -(-card.side // 8))
    if packed.dtype != np.uint8 or packed.shape[1:] != expected or len(packed) == 0:
        raise _damaged(path)
    check_pixels(path, card.side, card.side, len(packed) * len(card.targets))
    masks = np.unpackbits(packed, axis=-1, count=card.side)
    return Prior(card.name, card.targets, masks.view(np.bool_))


def _damaged(path: Path) -> LocaldiscError:
    return LocaldiscError(f"prior {path} is incomplete or of another version; save it again.")
