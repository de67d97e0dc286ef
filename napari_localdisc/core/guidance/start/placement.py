"""Placement: what the references say of a structure's place, and where it lies in each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.guidance.start.alignment import align, at_one_pose
from napari_localdisc.core.imaging.similarity import from_frame
from napari_localdisc.core.imaging.window import Window
from napari_localdisc.core.priors import Place
from napari_localdisc.core.priors.pose_prior import PosePrior
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.pixel_features import pixel_set

_SIDE, _COARSE = 128, 64
"""Side in pixels of the whole frames that features are computed on, and that poses are found on."""
_AGREEMENT = 0.65
"""Dice of aligned shapes and matched masks below which a run is likely to be wrong."""


@dataclass(frozen=True)
class Placement:
    """The place that the references of a prior have in common.

    Attributes
    ----------
    prior : PosePrior
        In shares of the whole frame.
    window : Window
        The part of the frame that guidance looks at.
    references : Tensor of float, shape (N, K, s, s)
        At the resolution that poses are found at.
    """

    prior: PosePrior
    window: Window
    references: Tensor

    @classmethod
    def of(cls, prior: Prior, place: Place, device: torch.device) -> Placement | None:
        """Measure it on references; None if they lie anywhere, or have textures and no shape."""
        targets = range(len(prior.targets))
        if any(ShapeStatistics.of(prior, target).local for target in targets):
            return None
        shown = prior.masks.any(axis=(1, 2, 3))  # a reference may lack the structure
        masks = torch.from_numpy(prior.masks[shown]).to(device)
        references = F.adaptive_avg_pool2d(masks.float(), _COARSE)
        pose_prior = PosePrior.of(references, place)
        if pose_prior.free:
            return None
        return cls(pose_prior, pose_prior.window(masks), references)

    def find(
        self,
        images: Sequence[npt.NDArray[np.generic]],
        encoder: Encoder,
        device: torch.device,
        *,
        aligned: bool = True,
    ) -> Run[Starting]:
        """Align the images, unless told not to, and lay the references' mean shape on each."""
        poses = torch.zeros(len(images), 4, device=device)
        if aligned:
            pixels = yield from pixel_set(images, encoder, _SIDE, device)
            features, fields = pixels.coarse(_COARSE)
            poses = yield from align(features, fields, self.references, self.prior)
        shape = at_one_pose(self.references, self.prior).mean(dim=0)
        masks = from_frame(shape.expand(len(poses), -1, -1, -1), poses, self.prior.centre)
        rows, columns = self.window.spans(_COARSE)
        shifts = poses[:, :2] / self.window.side
        return Starting(self.prior.within(self.window), shifts, masks[..., rows, columns])


@dataclass(frozen=True)
class Starting:
    """Where the structure lies in each image, by groupwise alignment.

    Attributes
    ----------
    prior : PosePrior
        In shares of the window.
    shifts : Tensor, shape (n, 2)
        From the prior's centre, in shares of the window.
    masks : Tensor, shape (n, K, s, s)
        The references' mean shape in its place, in [0, 1].
    """

    prior: PosePrior
    shifts: Tensor
    masks: Tensor

    def disagreement(self, labels: npt.NDArray[np.uint8]) -> tuple[str, ...]:
        """Warn if labels (n, S, S) lie elsewhere than the aligned shapes: one of them is wrong."""
        size = labels.shape[-2:]
        shapes = F.interpolate(self.masks, size=size, mode="bilinear").amax(dim=1) > 0.5
        pairs = zip(labels > 0, shapes.cpu().numpy(), strict=True)
        overlap = fmean(_dice(*pair) for pair in pairs)
        if overlap >= _AGREEMENT:
            return ()
        return (
            f"what surrounds the structure and what it looks like point to different places (Dice"
            f" {overlap:.2f}): look at the masks, and give more images, or more references.",
        )


def _dice(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))
