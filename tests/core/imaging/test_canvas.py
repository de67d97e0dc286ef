from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.core.imaging.canvas import Canvas, image_to_canvas
from napari_localdisc.core.imaging.preprocessing import Preprocessing


@pytest.mark.parametrize("shape", [(64, 64), (300, 200), (200, 300), (37, 911), (1, 1), (1, 500)])
class TestCanvas:
    def test_the_longer_side_fills_the_canvas_and_the_rest_is_centred(self, shape):
        canvas = Canvas(shape, 128)
        assert max(canvas.inner) == 128
        for side, corner in zip(canvas.inner, canvas.corner, strict=True):
            assert 0 <= corner <= 128 - side - corner <= corner + 1

    def test_what_is_laid_lies_inside(self, shape):
        canvas = Canvas(shape, 128)
        laid = canvas.to_canvas(torch.ones(1, 1, *shape))
        assert laid.shape == (1, 1, 128, 128)
        height, width = canvas.inner
        assert float(laid.sum()) == pytest.approx(height * width, rel=1e-5)

    def test_lifting_restores_the_shape(self, shape):
        lifted = Canvas(shape, 128).from_canvas(torch.zeros(2, 3, 128, 128))
        assert lifted.shape == (2, 3, *shape)


@pytest.mark.parametrize("shape", [(96, 150), (300, 200), (128, 128)])
def test_round_trip_keeps_places(shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    height, width = shape
    mask = (rows - 0.3 * height) ** 2 + (columns - 0.6 * width) ** 2 < (0.2 * min(shape)) ** 2
    canvas = Canvas(shape, 128)
    back = (
        canvas.from_canvas(canvas.to_canvas(torch.from_numpy(mask).float()[None, None]))[0, 0] > 0.5
    )
    assert (back.numpy() != mask).mean() < 0.01


def test_field_ends_with_the_image():
    image = np.full((50, 100, 1), 0.5, np.float32)
    pixels, field = image_to_canvas(image, Preprocessing(1, False), 64)
    assert pixels.shape == field.shape == (1, 1, 64, 64)
    assert float(field.mean()) == 0.5
    assert float(field[0, 0, 16:48].min()) == 1
    assert float(pixels[0, 0, :16].max()) == 0
