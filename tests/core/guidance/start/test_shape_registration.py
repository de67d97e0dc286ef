from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.start.shape_registration import register_shapes
from napari_localdisc.core.guidance.start.templates import Templates

SIDE = 48


def disc(row, column, radius):
    line = torch.arange(SIDE)
    return (line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= radius**2


@pytest.fixture(scope="module")
def references():
    places = [(14, 14), (14, 34), (34, 14), (34, 34), (24, 24)]
    return torch.stack([disc(row, column, 6) for row, column in places])[:, None].float()


@pytest.fixture(scope="module", params=range(3))
def hidden(request):
    """Discs hidden in noise, along a direction that is none of the axes."""
    generator = torch.Generator().manual_seed(request.param)
    places = torch.randint(10, SIDE - 10, (8, 2), generator=generator).tolist()
    masks = torch.stack([disc(row, column, 6) for row, column in places])
    noise = torch.randn(8, 5, SIDE // 4, SIDE // 4, generator=generator)
    features = 0.4 * interpolate(noise, size=(SIDE, SIDE), mode="bilinear")
    features += 0.4 * torch.randn(8, 5, SIDE, SIDE, generator=generator)
    direction = torch.tensor([1.0, -1.0, 0.5, 0.0, 1.0])
    return features + direction[:, None, None] * masks[:, None], masks


def dice(a, b):
    return 2 * (a & b).sum(dim=(1, 2)) / (a.sum(dim=(1, 2)) + b.sum(dim=(1, 2)))


class TestRegisterShapes:
    def test_finds_hidden_discs(self, hidden, references):
        features, masks = hidden
        fields = torch.ones(8, SIDE, SIDE, dtype=torch.bool)
        posed = drain(register_shapes(features, fields, references, starts=8, seed=0))
        assert posed.masks.shape == (8, 1, SIDE, SIDE)
        assert dice(posed.masks[:, 0], masks).min() > 0.8
        assert posed.fisher > 1

    def test_the_seed_decides(self, hidden, references):
        features, _ = hidden
        fields = torch.ones(8, SIDE, SIDE, dtype=torch.bool)
        first, again = (
            drain(register_shapes(features, fields, references, starts=1, seed=5)) for _ in range(2)
        )
        assert torch.equal(first.masks, again.masks)

    def test_stays_inside_the_field_of_view(self, hidden, references):
        features, _ = hidden
        fields = disc(24, 24, 18).expand(8, SIDE, SIDE)
        posed = drain(register_shapes(features * fields[:, None], fields, references, 2, 0))
        inside = (posed.masks[:, 0] & fields).sum(dim=(1, 2)) / posed.masks.sum(dim=(1, 2, 3))
        assert inside.min() > 0.8

    def test_of_one_image_where_the_reference_lies_out_of_sight(self):
        fields = (torch.arange(SIDE) >= 20).repeat(SIDE, 1).T[None]
        hidden = disc(34, 22, 5)
        generator = torch.Generator().manual_seed(0)
        features = torch.randn(1, 3, SIDE, SIDE, generator=generator) * 0.3
        features[:, 0] += 2 * hidden
        above = torch.stack([disc(6, 24, 5), disc(34, 24, 5)])[:, None].float()
        posed = drain(register_shapes(features * fields[:, None], fields, above, starts=4, seed=0))
        assert posed.fisher > 1
        assert dice(posed.masks[:, 0], hidden[None]).item() > 0.9

    def test_takes_another_build_than_the_references(self):
        line = torch.arange(SIDE)
        places = [(18, 20), (28, 24), (24, 30), (22, 18)]
        flat = torch.stack(
            [
                ((line[:, None] - r) / 8.1) ** 2 + ((line[None] - c) / 9.9) ** 2 <= 1
                for r, c in places
            ]
        )
        generator = torch.Generator().manual_seed(0)
        features = torch.randn(len(flat), 3, SIDE, SIDE, generator=generator) * 0.3
        features[:, 0] += 2 * flat
        fields = torch.ones(len(flat), SIDE, SIDE, dtype=torch.bool)
        round_ones = torch.stack([disc(*place, 9) for place in places])[:, None].float()
        posed = drain(register_shapes(features, fields, round_ones, starts=4, seed=0))
        assert dice(posed.masks[:, 0], flat).min() > 0.96


def placed(templates: Templates, shown: torch.Tensor) -> torch.Tensor:
    """Most likely template and shift where the evidence is a mask itself."""
    evidence = torch.where(shown, 1.0, -1.0)[None, None]
    return templates.best_match(evidence, templates.valid_shifts(torch.ones(1, SIDE, SIDE)))


class TestTemplates:
    def test_three_scales_about_their_own_centre(self, references):
        templates = Templates(references)
        areas = templates.masks.sum(dim=(2, 3)).view(3, 5).mean(dim=1)
        assert areas[0] < areas[1] < areas[2]
        torch.testing.assert_close(templates.masks[5:10], references, atol=1e-4, rtol=0)

    def test_rings_surround_masks(self, references):
        templates = Templates(references)
        assert (templates.rings * templates.masks.round()).sum() == 0
        assert templates.rings.sum() > 0

    def test_by_border_what_is_deep_inside_and_far_outside_says_nothing(self):
        templates = Templates(disc(24, 24, 9)[None, None].float(), by_border=True)
        possible = templates.valid_shifts(torch.ones(1, SIDE, SIDE))
        along = disc(26, 22, 10) & ~disc(26, 22, 7)
        evidence = torch.where(disc(26, 22, 9), 1.0, -1.0) * along
        noise = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        disturbed = torch.where(disc(26, 22, 5) | ~disc(26, 22, 12), noise, evidence)
        masks, _ = templates.pose(templates.best_match(disturbed[None, None], possible))
        assert dice(masks[:, 0], disc(26, 22, 9)[None]).item() > 0.9
        whole = Templates(disc(24, 24, 9)[None, None].float())
        assert templates.rings.sum() < whole.rings.sum() / 2

    def test_ring_of_what_lies_within_another_target_is_that_target(self):
        cup = disc(24, 24, 6)
        rim = disc(24, 24, 12) & ~cup
        rings = Templates(torch.stack([rim, cup])[None].float()).rings[1].bool()
        assert (rings[1] & rim).sum() == rings[1].sum() > 0
        assert not (rings[0] & (rim | cup)).any()

    def test_ring_leaves_out_targets_side_by_side(self):
        left, right = disc(24, 14, 8), disc(24, 33, 8)
        rings = Templates(torch.stack([left, right])[None].float()).rings[1].bool()
        assert not (rings & (left | right)).any()

    @pytest.mark.parametrize("shift", [(0, 0), (3, -4), (-5, 2)])
    def test_pose_shifts(self, references, shift):
        templates = Templates(references)
        choice = torch.tensor([[9, *shift]])
        masks, _ = templates.pose(choice)
        assert torch.equal(masks[0, 0], disc(24 + shift[0], 24 + shift[1], 6))

    @pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
    def test_best_finds_the_size(self, scale):
        templates = Templates(disc(24, 24, 9)[None, None].float())
        shown = disc(24, 24, 9 * scale)
        masks, _ = templates.pose(placed(templates, shown))
        assert masks.sum() == pytest.approx(int(shown.sum()), rel=0.06)

    def test_best_undoes_a_shift(self, references):
        templates = Templates(references)
        shown = disc(27, 20, 6)
        masks, _ = templates.pose(placed(templates, shown))
        assert dice(masks[:, 0], shown[None]).item() > 0.9

    def test_a_single_reference_says_nothing_of_where_others_lie(self):
        templates = Templates(disc(12, 12, 6)[None, None].float())
        shown = disc(35, 33, 6)
        masks, _ = templates.pose(placed(templates, shown))
        assert dice(masks[:, 0], shown[None]).item() > 0.9

    def test_many_references_in_one_place_say_that_others_lie_there(self):
        templates = Templates(disc(12, 12, 6).expand(16, 1, -1, -1).float())
        _, row, column = placed(templates, disc(35, 33, 6))[0].tolist()
        assert max(abs(row), abs(column)) <= 0.1 * SIDE
