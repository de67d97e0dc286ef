"""Priors: the shape of a structure as a set of reference masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from skimage.transform import resize

from napari_localdisc.base.errors import LocaldiscError, printable
from napari_localdisc.core.imaging.window import WHOLE, Window
from napari_localdisc.core.priors import CANVAS


@dataclass(frozen=True)
class Prior:
    """Reference masks of one or more targets.

    Attributes
    ----------
    name : str
        Where the masks come from: a built-in name or a folder.
    targets : tuple of str
        Names of the K targets.
    masks : ndarray of bool, shape (N, K, S, S)
        N references on a square canvas: the longer side of a mask is scaled to S, the rest is zero.
    """

    name: str
    targets: tuple[str, ...]
    masks: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.masks.ndim != 4 or self.masks.shape[1] != len(self.targets):
            raise ValueError(
                f"expected masks of shape (N, {len(self.targets)}, S, S), got {self.masks.shape}"
            )
        for index, target in enumerate(self.targets):
            if not self.masks[:, index].any():
                raise LocaldiscError(
                    f"prior {self.name!r} has no foreground pixel for target {target!r};"
                    " its masks must be 0 outside the structure and above 0 inside."
                )

    def __len__(self) -> int:
        return len(self.masks)

    @property
    def area(self) -> npt.NDArray[np.float64]:
        """Mean fraction of the canvas that each target covers, shape (K,)."""
        return np.asarray(self.masks.mean(axis=(0, 2, 3)), dtype=np.float64)

    def within(self, window: Window) -> Prior:
        """Restrict the masks to a window of the canvas, scaled to the whole canvas."""
        if window == WHOLE:
            return self
        side = self.masks.shape[-1]
        rows, columns = window.spans(side)
        cut = self.masks[..., rows, columns].astype(np.float32)
        scaled = resize(cut, (*cut.shape[:2], side, side), order=1)
        return replace(self, masks=scaled >= 0.5)

    @classmethod
    def from_masks(
        cls,
        masks: Sequence[npt.NDArray[np.generic]],
        name: str,
        targets: Sequence[str] = ("target",),
    ) -> Prior:
        """Resample masks of any size to the canvas.

        Where targets overlap, as a disc and its cup do, the pixels that they share belong to
        the smaller one.

        Parameters
        ----------
        masks : sequence of ndarray, shape (H, W) or (K, H, W)
            Above 0 inside the structure; sizes may differ from mask to mask.
        name : str
            Shown in messages and recipes.
        targets : sequence of str
            Names of the K targets.

        Raises
        ------
        LocaldiscError
            If there is no mask, a mask has another number of targets, nothing is foreground, or a
            target fills a whole mask.
        """
        if not masks:
            raise LocaldiscError(f"prior {name!r} holds no masks; give at least one.")
        laid = [_lay(np.asarray(mask), name, targets) for mask in masks]
        return cls(name, tuple(map(printable, targets)), np.stack(laid))


def _lay(mask: npt.NDArray[np.generic], name: str, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
    stack = mask[None] if mask.ndim == 2 else mask
    if stack.ndim != 3 or len(stack) != len(targets) or 0 in stack.shape:
        raise LocaldiscError(
            f"a mask of prior {name!r} has shape {mask.shape}; expected (height, width)"
            f" for each of its {len(targets)} target(s)."
        )
    for target, plane in zip(targets, stack, strict=True):
        if (plane > 0).all():
            raise LocaldiscError(
                f"prior {name!r} has a mask that target {target!r} fills to the last pixel;"
                " its masks must be 0 outside the structure."
            )
    scale = CANVAS / max(stack.shape[1:])
    height, width = (max(1, round(side * scale)) for side in stack.shape[1:])
    canvas = np.zeros((len(targets), CANVAS, CANVAS), dtype=bool)
    top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
    for index, plane in enumerate(stack):
        shrunk = resize(
            (plane > 0).astype(np.float32), (height, width), order=1, anti_aliasing=True
        )
        canvas[index, top : top + height, left : left + width] = shrunk >= 0.5
    _nest(canvas)
    return canvas


def _nest(planes: npt.NDArray[np.bool_]) -> None:
    """Take from each target (K, S, S) what smaller ones cover."""
    areas = planes.sum(axis=(1, 2))
    for outer in np.argsort(-areas, kind="stable"):
        planes[outer] &= ~planes[areas < areas[outer]].any(axis=0)
