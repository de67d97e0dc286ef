"""Labelled images on their canvas: what encoders are measured with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.imaging.arrays import as_image, field_of_view, is_coloured
from napari_localdisc.core.imaging.augmentation import Turns
from napari_localdisc.core.imaging.canvas import Canvas

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelledImage:
    """An image, and where the structure lies on its canvas.

    Attributes
    ----------
    name : str
    pixels : ndarray, shape (H, W) or (H, W, 3)
        Their longer side fills the canvas.
    truth : ndarray of bool, shape (S, S)
        The structure, inside the field of view.
    field : ndarray of bool, shape (S, S)
        The pixels that count.
    """

    name: str
    pixels: npt.NDArray[np.generic]
    truth: Mask
    field: Mask


@dataclass(frozen=True)
class LabelledSet:
    """Images of one structure, some to learn from and others to be judged by.

    Attributes
    ----------
    name : str
    size : int
        Side S of the canvas in pixels.
    turns : str
        See `Turns`.
    train, test : tuple of LabelledImage
    """

    name: str
    size: int
    turns: Turns
    train: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]

    def draw(self, count: int | None, seed: int) -> tuple[LabelledImage, ...]:
        """Draw some of the images to learn from; all of them if `count` is not given.

        The images of a small draw are among those of a larger one with the same seed.

        Raises
        ------
        LocaldiscError
            If there are fewer.
        """
        if count is None:
            return self.train
        check_enough(self.name, len(self.train), count)
        order = np.random.default_rng(seed).permutation(len(self.train))
        return tuple(self.train[index] for index in order[:count])


def check_enough(name: str, there: int, asked: int) -> None:
    """Refuse to learn from more labelled images than a set has."""
    if asked > there:
        raise LocaldiscError(
            f"set {name} has {there} labelled images to learn from, {asked} were asked for;"
            " ask for fewer or give more."
        )


def labels_to_canvas(
    name: str,
    pixels: npt.NDArray[np.generic],
    truth: npt.NDArray[np.generic],
    size: int,
    field: npt.NDArray[np.generic] | None = None,
) -> LabelledImage:
    """Lay the mask of an image on a canvas.

    Parameters
    ----------
    name : str
    pixels : ndarray, shape (H, W) or (H, W, C)
    truth : ndarray of bool or int, shape (H, W) or larger at the same proportions
        Above 0 inside the structure.
    size : int
        Side of the canvas.
    field : ndarray of bool or int, shape as `truth`, optional
        Field of view; if not given, the lit part of a colour image and all of a grey one.
    """
    if field is None:
        image = as_image(pixels, name)
        lit = field_of_view(image) if is_coloured(pixels) else np.ones(image.shape[:2], bool)
        inside = _lay(lit, size)
    else:
        inside = _lay(field, size)
    return LabelledImage(name, pixels, _lay(truth, size) & inside, inside)


def _lay(mask: npt.NDArray[np.generic], size: int) -> Mask:
    canvas = Canvas((mask.shape[0], mask.shape[1]), size)
    plane = torch.from_numpy(np.greater(mask, 0).astype(np.float32))[None, None]
    return np.asarray(canvas.to_canvas(plane)[0, 0].numpy() > 0.5)
