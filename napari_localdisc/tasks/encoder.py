"""Which encoder a task uses: by name, by the images, untrained, or the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.encoder import Encoder, default_encoder, load_encoder
from napari_localdisc.core.encoder.untrained import RANDOM, untrained_encoder
from napari_localdisc.datasets.sample import read_sample

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
        ``"random"`` for untrained weights in the architecture of that one.
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


def choose_by_files(encoder: EncoderSpec, files: Sequence[Path], seed: int = 0) -> Run[HeldEncoder]:
    """Get an encoder; where the choice is automatic, one of the files decides.

    Parameters
    ----------
    encoder : EncoderChoice, Encoder, str or Path
    files : sequence of Path
    seed : int
        Of untrained weights.

    Yields
    ------
    Progress
        The last one, of stage ``"note"``, says which encoder it is.

    Raises
    ------
    LocaldiscError
        If the encoder cannot be loaded, or no file can be read where one is to decide.
    """
    choice = _choice(encoder, seed)
    if isinstance(choice, HeldEncoder) or not choice.needs_image:
        return (yield from _told(choice))
    sample = yield from read_sample(files, 1)
    return (yield from _told(choice, sample.paths[0].name, sample.images[0]))


def choose_by_image(
    encoder: EncoderSpec,
    name: str,
    read: Callable[[], npt.NDArray[np.generic]],
    seed: int = 0,
) -> Run[HeldEncoder]:
    """Get an encoder; where the choice is automatic, an image decides.

    Parameters
    ----------
    encoder : EncoderChoice, Encoder, str or Path
    name : str
        Of the image.
    read : callable
        Reads the image, of shape (H, W) or (H, W, C); called only where it decides.
    seed : int
        Of untrained weights.

    Yields
    ------
    Progress
        Of stage ``"note"``: which encoder it is.

    Raises
    ------
    LocaldiscError
        If the encoder cannot be loaded.
    """
    choice = _choice(encoder, seed)
    if isinstance(choice, HeldEncoder) or not choice.needs_image:
        return (yield from _told(choice))
    return (yield from _told(choice, name, read()))


def _choice(encoder: EncoderSpec, seed: int) -> EncoderChoice | HeldEncoder:
    if isinstance(encoder, EncoderChoice):
        return encoder
    if isinstance(encoder, Encoder):
        return HeldEncoder(encoder.name, encoder)
    return EncoderChoice(str(encoder), seed=seed)


def _told(
    choice: EncoderChoice | HeldEncoder,
    name: str = "",
    image: npt.NDArray[np.generic] | None = None,
) -> Run[HeldEncoder]:
    yield Progress("read", 0, 1, "Loading the encoder")
    held = choice if isinstance(choice, HeldEncoder) else choice.obtain(image)
    why = f", chosen by {name}" if name else ""
    card = held.encoder.card
    yield Progress("note", 1, 1, f"encoder: {card.name} ({card.modality}){why}")
    return held
