from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.imaging.window import WHOLE, Window
from napari_localdisc.core.priors.prior import Prior


def square(side, low, high):
    mask = np.zeros((side, side), bool)
    mask[low:high, low:high] = True
    return mask


@pytest.mark.parametrize("targets", [("disc", "cup"), ("cup", "disc")])
def test_the_smaller_of_overlapping_targets_lies_within_the_larger(targets):
    """The usual layout: a folder of discs, and one of the cups within them."""
    planes = {"disc": square(512, 100, 300), "cup": square(512, 150, 250)}
    prior = Prior.from_masks([np.stack([planes[one] for one in targets])], "both", targets)
    masks = dict(zip(targets, prior.masks[0], strict=True))
    np.testing.assert_array_equal(masks["cup"], planes["cup"])
    np.testing.assert_array_equal(masks["disc"], planes["disc"] & ~planes["cup"])


class TestWithin:
    def test_the_whole_canvas_is_the_prior_itself(self):
        prior = Prior.from_masks([square(512, 100, 300)], "one")
        assert prior.within(WHOLE) is prior

    def test_a_window_enlarges_what_lies_in_it(self):
        prior = Prior.from_masks([square(512, 128, 256)], "one")
        within = prior.within(Window(top=0.125, left=0.125, side=0.5))
        assert within.masks.shape == prior.masks.shape
        np.testing.assert_array_equal(within.masks[0, 0], square(512, 128, 384))
