from __future__ import annotations

import matplotlib.path
import numpy as np

from napari_localdisc.core.clusters.outline import inside_outline


def test_it_agrees_with_an_independent_test_but_for_the_very_rim():
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 25)[:-1]
    radius = rng.uniform(0.5, 3, len(angle))
    outline = np.stack([1 + radius * np.cos(angle), -2 + radius * np.sin(angle)], axis=1)
    points = rng.uniform(-6, 6, (2, 60, 50))
    expected = matplotlib.path.Path(outline).contains_points(points.reshape(2, -1).T)
    found = inside_outline(points, outline)
    assert found.shape == (60, 50)
    assert 0.02 < found.mean() < 0.5
    assert (found.reshape(-1) != expected).mean() < 0.004


def test_an_outline_without_an_area_holds_next_to_nothing():
    points = np.random.default_rng(0).random((2, 1000))
    assert inside_outline(points, np.array([[0.2, 0.2], [0.8, 0.8], [0.2, 0.2]])).mean() < 0.01
