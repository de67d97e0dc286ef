"""Figures of the paper that a transfer table is read beside."""

from __future__ import annotations

SOURCE = "Chen et al., arXiv 2108.09440"

SETS = (
    "drive",
    "stare",
    "chase",
    "drishti-cup",
    "drishti-disc",
    "idrid-disc",
    "haemorrhages",
    "hard-exudates",
    "lungs",
)

_ROWS: dict[str, tuple[float | None, ...]] = {
    "random init": (80.76, 76.26, 78.30, 77.76, 95.41, 89.11, 37.76, 57.44, 96.34),
    "supervised": (81.06, 80.59, 78.56, 86.94, 96.40, 93.56, 51.11, 61.34, None),
    "instance discrimination (Wu et al.)": (
        74.98, 66.15, 68.31, 84.59, 94.58, 88.70, 26.34, 48.67, 96.27,
    ),
    "invariant spreading (Ye et al.)": (
        80.87, 81.22, 79.85, 87.30, 97.40, 94.68, 46.79, 59.40, 96.63,
    ),
    "local discrimination": (82.15, 83.42, 80.35, 89.30, 96.53, 95.59, 46.72, 65.77, 97.51),
}  # fmt: skip

PUBLISHED: dict[tuple[str, str], float] = {
    (row, name): figure
    for row, figures in _ROWS.items()
    for name, figure in zip(SETS, figures, strict=True)
    if figure is not None
}
"""Mean Dice in percent by row and set."""
