from __future__ import annotations

import doctest
import math
from statistics import correlation, fmean, stdev

import numpy as np
import pytest

from napari_localdisc.core.evaluation import bland_altman as module
from napari_localdisc.core.evaluation.bland_altman import bland_altman


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_the_standard_library(seed: int):
    rng = np.random.default_rng(seed)
    first = rng.normal(50, 10, 12).tolist()
    second = [one + rng.normal(2, 3) for one in first]
    apart = [one - other for one, other in zip(first, second, strict=True)]
    found = bland_altman(first, second)
    assert found.bias == pytest.approx(fmean(apart))
    assert found.deviation == pytest.approx(stdev(apart))
    assert found.upper - found.bias == pytest.approx(1.96 * stdev(apart))
    assert found.bias - found.lower == pytest.approx(1.96 * stdev(apart))
    assert found.correlation == pytest.approx(correlation(first, second))


def test_the_published_peak_flow_meters():
    """Bland and Altman, Lancet 1986: bias -2.1 l/min, limits -79.7 and 75.5, r 0.94."""
    large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = bland_altman(large, mini)
    assert found.pairs == 17
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.deviation == pytest.approx(38.8, abs=0.05)
    assert found.correlation == pytest.approx(0.94, abs=0.005)


def test_one_pair_has_a_bias_alone():
    found = bland_altman([3.0], [1.0])
    assert found.bias == 2.0
    assert all(map(math.isnan, (found.deviation, found.lower, found.upper, found.correlation)))


@pytest.mark.parametrize("pair", [([], []), ([1.0], [1.0, 2.0])])
def test_what_is_not_paired(pair):
    with pytest.raises(ValueError, match="to hold as many numbers"):
        bland_altman(*pair)


def test_examples_in_docstrings():
    assert doctest.testmod(module).failed == 0
