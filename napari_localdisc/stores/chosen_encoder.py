"""Which encoder is used: by name, by the images, untrained, or the one in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.encoder import Encoder, default_encoder, load_encoder
from napari_localdisc.core.encoder.untrained import RANDOM, untrained_encoder

AUTO = "auto"
"""The shipped encoder that suits the images."""


@dataclass(frozen=True, eq=False)
class HeldEncoder:
    """An encoder in memory.

    Attributes
    ----------
    name : str
        What it goes by: a shipped name, a path or ``"random"``.
    encoder : Encoder
    """

    name: str
    encoder: Encoder


@dataclass(frozen=True, eq=False)
class EncoderChoice:
    """Which encoder a task is to use.

    Attributes
    ----------
    name : str
        A shipped name, a path, ``"auto"`` for the shipped one that suits the images, or
        ``"random"`` for untrained weights in the architecture of that one. Empty for the one in
        memory.
    held : HeldEncoder, optional
        An encoder in memory; taken if it is the one of that name.
    seed : int
        Of the untrained weights.
    """

    name: str = AUTO
    held: HeldEncoder | None = None
    seed: int = 0

    @property
    def needs_image(self) -> bool:
        """Whether an image decides."""
        return self.name in (AUTO, RANDOM)

    def obtain(self, image: npt.NDArray[np.generic] | None = None) -> HeldEncoder:
        """Return the encoder, loading it only if it is not the one in memory.

        Parameters
        ----------
        image : ndarray, shape (H, W) or (H, W, C), optional
            Decides where the choice is automatic.

        Raises
        ------
        LocaldiscError
            If the encoder cannot be loaded, or there is no image to choose it by.
        """
        if not self.name and self.held is not None:
            return self.held
        if not self.needs_image:
            return self._load(self.name)
        if image is None:
            raise LocaldiscError(
                "there is no image to choose an encoder by; open one or choose one by name."
            )
        suited = self._load(default_encoder(image))
        if self.name == AUTO:
            return suited
        return HeldEncoder(RANDOM, untrained_encoder(suited.encoder.card, self.seed))

    def _load(self, name: str) -> HeldEncoder:
        if self.held is not None and self.held.name == name:
            return self.held
        return HeldEncoder(name, load_encoder(name))


EncoderSpec = EncoderChoice | Encoder | str | Path
"""What tasks take for an encoder: a choice, one in memory, or its name or path."""


def choice_of(encoder: EncoderSpec, seed: int = 0) -> EncoderChoice:
    """Make a choice of what tasks take for an encoder; the seed is that of untrained weights."""
    if isinstance(encoder, EncoderChoice):
        return encoder
    if isinstance(encoder, Encoder):
        return EncoderChoice("", HeldEncoder(encoder.name, encoder))
    return EncoderChoice(str(encoder), seed=seed)
