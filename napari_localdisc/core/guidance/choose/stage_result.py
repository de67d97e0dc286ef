"""The result of a stage of guidance: masks, their shape KL and confidence, and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import numpy.typing as npt
from torch import Tensor

from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.config import show_kl
from napari_localdisc.core.segmenter.postprocessing import expected_dice, postprocess
from napari_localdisc.core.segmenter.segmentation import LOW_CONFIDENCE, low_confidence

_UNLIKE = 3.0
"""Shape KL in nats above which masks do not look like the prior."""
_OTHER_SIZE = 2.5
"""Factor by which the area of a compact target may differ from its references'."""
_FAINT = 0.15
"""Fisher ratio of borders below which nothing may be there. Of thirteen structures only polyps have
less (0.10); lungs looked for in fundus photographs have 0.09, in skin lesions 0.06."""
_ALONE = (
    "one image alone guided, where look-alikes are easily taken for the structure: look at the"
    " mask, and give more images or take a ready-made segmenter."
)


@dataclass(frozen=True)
class StageResult:
    """Masks that a stage of guidance finds in the guiding images.

    Attributes
    ----------
    stage : str
    probabilities : Tensor, shape (n, K + 1, S, S)
        Class probabilities, zero outside the field of view.
    thresholds : tuple of float
        Per target.
    labels : ndarray of uint8, shape (n, S, S)
        Tidy masks.
    kl : float
        Their shape KL in nats.
    """

    stage: str
    probabilities: Tensor
    thresholds: tuple[float, ...]
    labels: npt.NDArray[np.uint8]
    kl: float

    @classmethod
    def from_probabilities(
        cls, stage: str, probabilities: Tensor, fields: Tensor, prior_match: PriorMatch
    ) -> StageResult:
        """Postprocess class probabilities (n, K + 1, S, S) inside fields of view (n, S, S)."""
        probabilities = probabilities * fields[:, None]
        thresholds = prior_match.thresholds(probabilities, fields)
        planes = probabilities.float().cpu().numpy()
        labels = np.stack(
            [
                postprocess(one, thresholds, prior_match.resolution.shape_statistics)
                for one in planes
            ]
        )
        return cls(stage, probabilities, thresholds, labels, prior_match.kl(labels, fields))

    def with_labels(
        self, labels: npt.NDArray[np.uint8], fields: Tensor, prior_match: PriorMatch
    ) -> StageResult:
        """Replace the labels by others (n, S, S) under the same probabilities."""
        stage = f"{self.stage}, traced"
        return replace(self, stage=stage, labels=labels, kl=prior_match.kl(labels, fields))

    @property
    def confidence(self) -> float:
        """Expected Dice of the masks, averaged over the images."""
        likely = self.probabilities[:, 1:].sum(dim=1).float().cpu().numpy()
        masks = self.labels > 0
        return fmean(expected_dice(*pair) for pair in zip(likely, masks, strict=True))

    def area(self, fields: Tensor) -> float:
        """Share of the fields of view that any target covers."""
        return float((self.labels > 0).sum() / max(1, int(fields.sum())))


def border_warnings(contrast: float) -> tuple[str, ...]:
    """Warn if borders hardly show in the images: the structure may not be there.

    Parameters
    ----------
    contrast : float
        Fisher ratio of the pixels on both sides of the borders, see `border_contrast`.
    """
    if contrast >= _FAINT:
        return ()
    return (
        f"the borders of the masks hardly show in the images (Fisher ratio {contrast:.2f}): check"
        " that the images show the structure, and that the prior is of it.",
    )


def result_warnings(result: StageResult, prior_match: PriorMatch) -> tuple[str, ...]:
    """Warn of a high shape KL, of low confidence, of empty masks and of a single image."""
    found = []
    if not (result.kl <= _UNLIKE or result.kl <= prior_match.chance_kl(len(result.labels))):
        found.append(
            f"the masks do not look like the prior (shape KL {show_kl(result.kl)}): check that the"
            " images show the structure and that the prior fits it and has a few references, or try"
            " another seed."
        )
    if not result.labels.any():
        found.append("nothing was found: try another prior, encoder or seed.")
    elif result.confidence < LOW_CONFIDENCE:
        found.append(low_confidence(result.confidence))
    if len(result.labels) == 1:
        found.append(_ALONE)
    return tuple(found)


def size_warnings(
    labels: npt.NDArray[np.uint8], prior_match: PriorMatch, targets: Sequence[str]
) -> tuple[str, ...]:
    """Warn if a compact target is far larger or smaller than its references.

    Parameters
    ----------
    labels : ndarray of uint8, shape (n, S, S)
        On the canvas of the references.
    prior_match : PriorMatch
    targets : sequence of str
        Names of the K targets.
    """
    found = []
    for target, (name, statistics) in enumerate(
        zip(targets, prior_match.resolution.shape_statistics, strict=True)
    ):
        wanted = float(prior_match.areas[target]) * len(labels)
        ratio = float((labels == target + 1).sum()) / wanted
        if not statistics.local and ratio > 0 and not 1 / _OTHER_SIZE <= ratio <= _OTHER_SIZE:
            found.append(
                f"{name} was found {ratio:.1f} times as large as the prior says: look at the masks,"
                " and give more images or a prior of the size that it has in them."
            )
    return tuple(found)
