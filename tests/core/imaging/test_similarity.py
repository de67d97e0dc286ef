from __future__ import annotations

import math

import torch

from napari_localdisc.core.imaging.similarity import from_frame, to_frame

SIDE = 64


def blob(row, column, radius):
    line = (torch.arange(SIDE) + 0.5) / SIDE
    distance = ((line[:, None] - row) ** 2 + (line[None] - column) ** 2).sqrt()
    return ((radius - distance) * SIDE + 0.5).clamp(0, 1)[None, None]


def pose(rows=0.0, columns=0.0, size=1.0, angle=0.0):
    return torch.tensor([[rows, columns, math.log(size), angle]])


CENTRE = torch.tensor([0.4, 0.5])


def test_a_shift_brings_a_structure_to_the_centre():
    moved = to_frame(blob(0.5, 0.3, 0.1), pose(0.1, -0.2), CENTRE)
    assert (moved - blob(0.4, 0.5, 0.1)).abs().mean() < 0.002


def test_a_size_brings_it_to_size_one():
    moved = to_frame(blob(0.4, 0.5, 0.2), pose(size=2), CENTRE)
    assert (moved - blob(0.4, 0.5, 0.1)).abs().mean() < 0.01


def test_a_quarter_turn_moves_what_lies_below_to_the_side():
    moved = to_frame(blob(0.6, 0.5, 0.05), pose(angle=math.pi / 2), CENTRE)
    beside = blob(0.4, 0.7, 0.05), blob(0.4, 0.3, 0.05)
    assert min(float((moved - one).abs().mean()) for one in beside) < 0.004


def test_from_frame_undoes_to_frame():
    structure, at = blob(0.45, 0.55, 0.2), pose(0.05, -0.1, 0.8, 0.3)
    back = to_frame(from_frame(structure, at, CENTRE), at, CENTRE)
    assert (back - structure).abs().mean() < 0.01
