"""Encoders: the pretrained network with a card that says what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from napari_localdisc.base.digest import digest
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.shipped import ENCODERS
from napari_localdisc.base.tensor_files import (
    load_tensors,
    save_tensors,
)
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.encoder.weights import arrays_of, filled, tensors_of
from napari_localdisc.core.imaging.arrays import is_coloured


@dataclass
class Encoder:
    """A network and its card."""

    card: EncoderCard
    network: LocalDiscriminationNet

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name


def default_encoder(image: npt.NDArray[np.generic]) -> str:
    """Choose a shipped encoder by what the image looks like.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)

    Returns
    -------
    str
        ``"fundus"`` for a colour image, ``"chest-xray"`` for a grey one (RGB with equal channels
        too).
    """
    return "fundus" if is_coloured(image) else "chest-xray"


def save_encoder(encoder: Encoder, path: Path) -> None:
    """Write an encoder to one ``.safetensors`` file with its card in the header."""
    header = encoder.card.model_dump_json()
    save_tensors(Path(path), "encoder", header, arrays_of(encoder.network.state_dict()))


def encoder_digest(encoder: Encoder) -> str:
    """Hash what `save_encoder` writes: two encoders of one digest see the same."""
    return digest(encoder.card.model_dump_json(), arrays_of(encoder.network.state_dict()))


def load_encoder(name_or_path: str | Path) -> Encoder:
    """Load a shipped encoder by name, or any by path.

    Raises
    ------
    LocaldiscError
        If there is no such encoder, or the file is not an encoder or does not fit its card.
    """
    path = ENCODERS.find(name_or_path)
    header, tensors = load_tensors(path, "encoder")
    try:
        card = EncoderCard.model_validate_json(header)
    except ValidationError as error:
        raise LocaldiscError(
            f"the card of encoder {path} is not valid ({error.errors()[0]['msg']})."
        ) from error
    return Encoder(card, filled(card.build, tensors_of(tensors), path))
