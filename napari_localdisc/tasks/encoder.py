"""The encoder of a task, got and named in a note."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.datasets.sample import read_sample
from napari_localdisc.stores.chosen_encoder import (
    AUTO,
    EncoderChoice,
    EncoderSpec,
    HeldEncoder,
    choice_of,
)

__all__ = [
    "AUTO",
    "EncoderChoice",
    "EncoderSpec",
    "HeldEncoder",
    "choose_by_files",
    "choose_by_image",
]


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
    choice = choice_of(encoder, seed)
    if not choice.needs_image:
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
    choice = choice_of(encoder, seed)
    if not choice.needs_image:
        return (yield from _told(choice))
    return (yield from _told(choice, name, read()))


def _told(
    choice: EncoderChoice,
    name: str = "",
    image: npt.NDArray[np.generic] | None = None,
) -> Run[HeldEncoder]:
    yield Progress("read", 0, 1, "Loading the encoder")
    held = choice.obtain(image)
    why = f", chosen by {name}" if name else ""
    card = held.encoder.card
    yield Progress("note", 1, 1, f"encoder: {card.name} ({card.modality}){why}")
    return held
