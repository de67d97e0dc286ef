from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import save_tensors
from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.prior_files import read_prior, save_prior
from napari_localdisc.stores.priors import load_prior


@pytest.mark.parametrize("size", [512, 60])
def test_comes_back_as_it_was(tmp_path, size):
    prior = simulate("optic-cup", 3, size=size)
    path = tmp_path / "cup.safetensors"
    save_prior(prior, path)
    for back in (read_prior(path), load_prior(path), load_prior(str(path))):
        assert (back.name, back.targets) == (prior.name, prior.targets)
        np.testing.assert_array_equal(back.masks, prior.masks)
    assert path.stat().st_size < 250_000


CARD = '{"name": "x", "targets": ["a"], "side": 512}'


@pytest.mark.parametrize(
    ("header", "tensors"),
    [
        ("{}", {"masks": torch.zeros(1, 1, 512, 64, dtype=torch.uint8)}),
        (CARD, {}),
        (CARD, {"masks": torch.zeros(1, 2, 512, 64)}),
        (
            '{"name": "x", "targets": ["a"], "side": 512}',
            {"masks": torch.zeros(0, 1, 512, 64).byte()},
        ),
        (CARD, {"masks": torch.ones(1, 1, 512, 64)}),
    ],
)
def test_incomplete(tmp_path, header, tensors):
    path = tmp_path / "bad.safetensors"
    save_tensors(path, "prior", header, tensors)
    with pytest.raises(LocaldiscError, match="is incomplete or of another version"):
        read_prior(path)


def test_a_segmenter_is_no_prior(tmp_path):
    path = tmp_path / "other.safetensors"
    save_tensors(path, "segmenter", "{}", {"x": torch.zeros(1)})
    with pytest.raises(LocaldiscError, match="of kind 'segmenter'"):
        load_prior(path)
