from __future__ import annotations

import pytest
import torch

from napari_localdisc.core.guidance.learn.copy_paste import CopyPaste
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.segmenter.pixel_features import PixelSet

SIDE = 64
CROP = 32


def stripes(width):
    columns = torch.arange(SIDE) % 16 < width
    return columns.expand(2, SIDE, SIDE)


@pytest.fixture(scope="module")
def pixels():
    """Stripes darker by 2 in one channel and brighter by 1 in the other, on noise."""
    noise = 0.1 * torch.randn(2, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    seen = noise + torch.tensor([-2.0, 1.0])[:, None, None] * stripes(5)[:, None]
    fields = torch.ones(2, SIDE, SIDE, dtype=torch.bool)
    return PixelSet(seen.half(), seen.half(), fields, torch.eye(2), Preprocessing(1, False))


@pytest.fixture(scope="module")
def grafts(pixels):
    return CopyPaste(pixels, stripes(3), stripes(5).to(torch.int8), 1)


def draw(grafts, labels, field, generator):
    """Draw one graft into an empty crop."""
    one = grafts.sample(CROP, generator)
    crops, found = grafts.paste(torch.zeros(1, 2, CROP, CROP), labels[None], field[None], [one])
    return crops[0], found[0]


@pytest.fixture
def drawn(grafts):
    """A graft on an empty crop whose left half is undecided and whose lower half is outside."""
    field = torch.ones(CROP, CROP, dtype=torch.bool)
    field[CROP // 2 :] = False
    labels = torch.zeros(CROP, CROP, dtype=torch.long)
    labels[:, : CROP // 2] = IGNORE
    generator = torch.Generator().manual_seed(3)
    return *draw(grafts, labels, field, generator), field


def test_contrast_is_that_of_what_was_found(grafts):
    wanted = torch.tensor([-2.0, 1.0]).expand(4, 2)
    torch.testing.assert_close(grafts.contrast, wanted, atol=0.05, rtol=0)


def test_contrast_depends_on_width(pixels):
    both = stripes(5).clone()
    both[..., SIDE // 2 :] = stripes(1)[..., SIDE // 2 :]
    seen = (-2.0 * both)[:, None].expand(-1, 2, -1, -1).clone()
    seen[..., SIDE // 2 :] /= 2
    shown = PixelSet(
        pixels.features, seen.half(), pixels.fields, pixels.whitening, pixels.preprocessing
    )
    contrast = CopyPaste(shown, stripes(3), both.to(torch.int8), 1).contrast[:, 0]
    assert contrast.tolist() == pytest.approx([-1, -1, -2, -2], abs=0.1)


def test_a_graft_is_labelled_and_looks_like_the_target(drawn):
    crop, labels, field = drawn
    graft = labels == 1
    assert 0.05 < graft[field].float().mean() < 0.4
    assert (crop[0][graft] < 0).all()
    assert (crop[1][graft] > 0).all()
    # Edges are softened over two pixels, and what is undecided is farther away.
    assert crop[:, (labels == IGNORE) & field].abs().max() < 1e-3


def test_outside_the_field_nothing_is_drawn(drawn):
    crop, labels, field = drawn
    assert not crop[:, ~field].any()
    assert not (labels == 1)[~field].any()


def test_what_is_near_a_graft_is_decided(drawn):
    _, labels, _ = drawn
    left = labels[: CROP // 2, : CROP // 2]
    found = (left == 1).nonzero()
    beside = (left == 0).nonzero()
    assert len(beside)
    distances = torch.cdist(beside.float(), found.float(), p=torch.inf).amin(dim=1)
    assert distances.max() <= 3


def test_the_generator_decides(grafts):
    empty = torch.zeros(CROP, CROP, dtype=torch.long)
    field = torch.ones(CROP, CROP, dtype=torch.bool)
    crops = [
        draw(grafts, empty, field, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)
    ]
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_grafts_are_drawn_each_into_its_own_crop(grafts):
    generator = torch.Generator().manual_seed(1)
    sampled = [grafts.sample(CROP, generator) for _ in range(3)]
    crops = torch.randn(3, 2, CROP, CROP)
    labels = torch.zeros(3, CROP, CROP, dtype=torch.long)
    fields = torch.ones(3, CROP, CROP, dtype=torch.bool)
    together = grafts.paste(crops, labels, fields, sampled)
    for index, one in enumerate(sampled):
        span = slice(index, index + 1)
        alone = grafts.paste(crops[span], labels[span], fields[span], [one])
        for found, wanted in zip(together, alone, strict=True):
            torch.testing.assert_close(found[span], wanted, atol=1e-5, rtol=0)


def test_where_nothing_was_found_grafts_cannot_be_seen(pixels):
    grafts = CopyPaste(pixels, stripes(3), torch.zeros_like(stripes(5), dtype=torch.int8), 1)
    assert not grafts.contrast.any()
