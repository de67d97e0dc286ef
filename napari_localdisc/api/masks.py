"""Masks: measured, and compared with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.evaluation.mask_scores import MaskScore, score_masks
from napari_localdisc.core.measurements.measurement import Measured
from napari_localdisc.core.measurements.measuring import checked_scale, measure_labels
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.formats.masks import MOST_LABELS

Pixels = npt.NDArray[np.generic]
Found = Segmentation | Pixels


@dataclass(frozen=True)
class Agreement(MaskScore):
    """How well the mask of one target fits the truth: every metric of `MaskScore`.

    Attributes
    ----------
    target : str
    """

    target: str


def measure(
    found: Found,
    spacing: Sequence[float] | None = None,
    unit: str = "mm",
    image: Pixels | None = None,
    targets: Sequence[str] = (),
) -> list[Measured]:
    """Measure masks: size, shape, parts, place and, given the image, brightness.

    Parameters
    ----------
    found : Segmentation, or ndarray of int or bool, shape (H, W), or (N, H, W) of a stack
        What a segmenter returned, or anybody's masks: 0 background, 1..K targets; 255 is 1.
    spacing : sequence of float, optional
        Distance between the centres of neighbouring pixels along each axis; all is in pixels if
        not given.
    unit : str
        Of the spacing.
    image : ndarray, shape (H, W) or (N, H, W), with a last axis of 1 or 3 for channels, optional
        What the masks were found in.
    targets : sequence of str
        Names of the K targets; those of the segmentation, or their numbers, if not given.

    Returns
    -------
    list of Measured
        Each with ``target``, ``name``, ``value`` and ``unit``.

    Raises
    ------
    LocaldiscError
        If an array has another shape or type, or the spacing is not one positive number for each
        axis.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_localdisc as ld
    >>> mask = np.zeros((40, 40), bool)
    >>> mask[10:20, 5:35] = True
    >>> ld.measure(mask, spacing=(0.5, 0.5), targets=["plate"])[1]
    Measured(target='plate', name='area', value=75.0, unit='mm²')
    """
    labels, own = _labels(found)
    return measure_labels(labels, tuple(targets) or own, spacing, unit, image)


def evaluate(
    found: Found,
    truth: Found,
    spacing: Sequence[float] | None = None,
    unit: str = "mm",
    targets: Sequence[str] = (),
    tolerance: float = 1.0,
) -> list[Agreement]:
    """Compare masks with true ones: Dice, distances between their surfaces, and sizes.

    Parameters
    ----------
    found, truth : Segmentation, or ndarray of int or bool, shape (H, W), or (N, H, W) of a stack
        0 background, 1..K targets; 255 is 1.
    spacing : sequence of float, optional
        Distance between the centres of neighbouring pixels along each axis; all is in pixels if
        not given.
    unit : str
        Of the spacing.
    targets : sequence of str
        Names of the K targets; those of the segmentation, or their numbers, if not given.
    tolerance : float
        How far surfaces may lie apart for the surface Dice, in that unit.

    Returns
    -------
    list of Agreement
        One for each target that is named or occurs: ``target``, ``dice``, ``boundary`` (average
        symmetric surface distance), ``hd95``, ``surface_dice``, ``unit``, ``size``, ``true_size``,
        ``difference`` and ``size_unit``.

    Raises
    ------
    LocaldiscError
        If the masks are no planes or stacks of one shape, or the spacing is not one positive
        number for each axis.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_localdisc as ld
    >>> ld.evaluate(np.array([[1, 1, 0]]), np.array([[0, 1, 0]]))[0].dice
    0.6666666666666666
    """
    (labels, own), (true, theirs) = _labels(found), _labels(truth)
    if labels.ndim not in (2, 3) or labels.shape != true.shape:
        raise LocaldiscError(
            f"the masks have shapes {labels.shape} and {true.shape}; expected (height, width) or"
            " (planes, height, width) of both: give masks of one image or stack."
        )
    names = tuple(targets) or own or theirs
    scale = checked_scale(spacing, unit, labels.ndim)
    numbers = set(range(1, len(names) + 1)) | {int(n) for n in np.union1d(labels, true) if n}
    return [
        Agreement(
            **vars(score_masks(labels == number, true == number, scale, tolerance)),
            target=names[number - 1] if number <= len(names) else str(number),
        )
        for number in sorted(numbers)
    ]


def _labels(found: Found) -> tuple[Pixels, tuple[str, ...]]:
    """Labels, and the names of their targets if they have some; masks of 255 are masks of 1."""
    if isinstance(found, Segmentation):
        return found.labels, found.targets
    labels = np.asarray(found)
    if labels.dtype.kind not in "bui":
        raise LocaldiscError(
            f"the masks hold {labels.dtype} numbers; give whole numbers with 0 for the background."
        )
    is_black_and_white = labels.size > 0 and int(labels.max()) > MOST_LABELS
    if is_black_and_white and len(np.unique(labels[labels != 0])) == 1:
        labels = np.not_equal(labels, 0)
    return (labels.astype(np.uint8) if labels.dtype.kind == "b" else labels), ()
