"""Labels for self-training: posterior labels, updated by a classifier that was trained on them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from napari_localdisc.core.losses.segmentation import IGNORE

_ABOVE, _ALWAYS = 0.2, 0.9
"""How far above its threshold a target is certain, and the probability from which it always is."""
_BELOW, _NEVER = 0.25, 0.03
"""How far below its threshold a target is ruled out, and the probability up to which it always is.
"""


def class_frequencies(labels: Tensor, classes: int) -> Tensor:
    """Frequencies (classes,) of labels of int8 that are decided; none is 0, so that logs exist."""
    decided = labels[labels != IGNORE].long()
    counts = decided.bincount(minlength=classes).clamp_min(1)
    return counts / counts.sum()


def self_training_labels(
    labels: Tensor, probabilities: Tensor, thresholds: Sequence[float]
) -> Tensor:
    """Update labels of curvilinear targets for the next round of self-training.

    What the classifier contradicts becomes undecided; what is undecided and certain by its
    probabilities becomes a target.

    Parameters
    ----------
    labels : Tensor of int8, shape (n, S, S)
        That it was trained on, -1 where undecided.
    probabilities : Tensor, shape (n, K + 1, S, S)
        Its class probabilities, zero outside the field of view.
    thresholds : sequence of float
        Probabilities from which pixels are taken for each of the K targets.

    Returns
    -------
    Tensor of int8, shape (n, S, S)
    """
    updated = labels.clone()
    for target, threshold in enumerate(thresholds, start=1):
        probability = probabilities[:, target]
        possible = probability > max(_NEVER, threshold - _BELOW)
        certain = probability > min(_ALWAYS, threshold + _ABOVE)
        ruled_out = (labels == target) & ~possible
        missed = (labels == 0) & possible
        updated[ruled_out | missed] = IGNORE
        updated[(labels == IGNORE) & certain] = target
    return updated
