from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from napari_localdisc.core.imaging.canvas import Canvas
from napari_localdisc.core.imaging.window import WHOLE, Window


@pytest.fixture
def window():
    return Window(top=0.25, left=0.5, side=0.5)


class TestWindow:
    def test_spans_its_share_of_a_canvas(self, window):
        assert window.spans(80) == (slice(20, 60), slice(40, 80))

    def test_pads_itself_to_its_canvas(self, window):
        left, right, above, below = window.padding(40)
        assert (left, right, above, below) == (40, 0, 20, 20)

    def test_the_whole_canvas_needs_no_padding(self):
        assert WHOLE.padding(64) == (0, 0, 0, 0)

    @pytest.mark.parametrize(("top", "side"), [(0.6, 0.5), (0.0, 0.01), (-0.1, 0.5)])
    def test_refuses_what_does_not_lie_on_a_canvas(self, top, side):
        with pytest.raises(ValueError, match="1 validation error"):
            Window(top=top, left=0.0, side=side)


class TestCanvasWithWindow:
    @pytest.mark.parametrize("shape", [(64, 64), (48, 64), (64, 40)])
    def test_shows_what_the_whole_canvas_shows_there(self, window, shape):
        image = torch.rand(1, 2, *shape)
        whole = Canvas(shape, 64).to_canvas(image)
        rows, columns = window.spans(64)
        assert_close(Canvas(shape, 32, window).to_canvas(image), whole[..., rows, columns])

    @pytest.mark.parametrize("shape", [(64, 64), (48, 64)])
    def test_comes_back_to_its_place(self, window, shape):
        image = torch.rand(1, 1, *shape)
        canvas = Canvas(shape, 32, window)
        back = canvas.from_canvas(canvas.to_canvas(image))
        top = (64 - shape[0]) // 2
        rows, columns = slice(16 - top, 48 - top), slice(32, 64)
        assert_close(back[..., rows, columns], image[..., rows, columns])
        back[..., rows, columns] = 0
        assert not back.any()
