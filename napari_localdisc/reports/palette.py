"""Colours of clusters, told apart by colour-blind eyes too."""

from __future__ import annotations

Colour = tuple[int, int, int]

# Okabe and Ito's seven colours, then one by one what lies farthest (CIEDE2000) from all before it
# and from black as seen by the least favourable of four eyes: common, protanope, deuteranope and
# tritanope. The test measures it: 10 among the first sixteen, 7.9 among all.
_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (111, 31, 47),
    (223, 239, 255),
    (111, 79, 111),
    (79, 31, 143),
    (159, 191, 175),
    (255, 255, 239),
    (191, 31, 15),
    (175, 239, 175),
    (127, 111, 255),
    (143, 111, 127),
    (15, 15, 223),
    (191, 191, 207),
    (63, 111, 79),
    (127, 127, 79),
    (63, 223, 255),
    (95, 47, 79),
    (95, 95, 95),
    (207, 15, 159),
    (239, 191, 111),
    (15, 79, 63),
    (127, 15, 15),
    (47, 63, 255),
    (191, 159, 95),
    (255, 111, 143),
    (111, 143, 207),
)

DISTINCT = len(_COLOURS)
"""Clusters that have a colour of their own; beyond, colours come again."""


def cluster_colour(label: int) -> Colour:
    """Colour of a cluster, the same in every picture: black for 0, outside the field of view."""
    return (0, 0, 0) if label == 0 else _COLOURS[(label - 1) % DISTINCT]


def palette() -> list[int]:
    """Colours of labels 0 to 255, as pictures with a palette hold them."""
    return [level for label in range(256) for level in cluster_colour(label)]
