from __future__ import annotations

import numpy as np

from napari_localdisc.core.clusters.pixel_sample import MOST, PixelSample


def test_images_share_in_it_alike_and_the_same_seed_draws_the_same():
    rng = np.random.default_rng(0)
    scores = rng.random((2, 80, 90)).astype(np.float16)
    labels = rng.integers(0, 5, (80, 90), dtype=np.uint8)
    one, two = (PixelSample.draw(scores, labels, 3, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.scores, two.scores)
    assert one.scores.shape == (2, MOST // 3)
    assert one.labels.min() > 0
    places = {
        (*scores[:, row, column].tolist(), labels[row, column])
        for row, column in np.argwhere(labels > 0)
    }
    assert {
        (*pair, label) for pair, label in zip(one.scores.T.tolist(), one.labels, strict=True)
    } <= places
    joined = PixelSample.join([one, PixelSample.draw(scores, labels, 3, seed=5)])
    assert joined.scores.shape == (2, 2 * (MOST // 3))
    assert not np.array_equal(joined.labels[: MOST // 3], joined.labels[MOST // 3 :])
