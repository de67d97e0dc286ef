"""Colours of clusters, told apart by colour-blind eyes too."""

from __future__ import annotations

Colour = tuple[int, int, int]

# Okabe and Ito's eight, black replaced by light grey: black is outside the field of view.
_HUES: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (215, 215, 215),
)
_SHADES = (1.0, 0.45, 1.45)
"""Beyond eight the same hues come darker, then lighter: lightness is seen by everyone."""


def cluster_colour(label: int) -> Colour:
    """Colour of a cluster: black for 0, outside the field of view."""
    if label == 0:
        return 0, 0, 0
    hue = _HUES[(label - 1) % len(_HUES)]
    shade = _SHADES[(label - 1) // len(_HUES) % len(_SHADES)]
    red, green, blue = (_shaded(level, shade) for level in hue)
    return red, green, blue


def palette() -> list[int]:
    """Colours of labels 0 to 255, as pictures with a palette hold them."""
    return [level for label in range(256) for level in cluster_colour(label)]


def _shaded(level: int, shade: float) -> int:
    """Mix with black below 1, with white above."""
    return round(level * shade if shade <= 1 else level + (255 - level) * (shade - 1) / 0.7)
