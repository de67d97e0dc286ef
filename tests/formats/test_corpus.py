"""Every odd or broken file ends in a correct mask or in one clear line."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.formats.images import Image, image_stem, mask_suffix, read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from tests.corpus import CORPUS, OF_PYTHON, Case

MOST = 150_000
"""kB that a file of a few thousand pixels may take, whatever it says of itself."""


def bright(image: Image) -> np.ndarray:
    """Stands in for a segmenter: finds what is bright, plane by plane."""
    planes = image.pixels if image.pixels.ndim == 4 else image.pixels[None]
    found = np.stack([as_image(plane, str(image.path)).mean(axis=-1) > 0.5 for plane in planes])
    return (found if image.pixels.ndim == 4 else found[0]).astype(np.uint8)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("case", CORPUS.values(), ids=CORPUS.keys())
def test_a_mask_or_one_line(tmp_path: Path, case: Case):
    inputs, output = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    path = case.make(inputs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        image = read_image(path, may_be_blank=False)
        mask = write_mask(bright(image), output / image_stem(path), image, scale_to_255=True)
    except LocaldiscError as error:
        line = str(error)
        assert case.truth is None, line
        assert case.says in line
        assert "\n" not in line
        assert not OF_PYTHON.search(line.replace(str(path), "")), line
    else:
        assert case.truth is not None
        assert mask.name.endswith(mask_suffix(path))
        np.testing.assert_array_equal(read_mask(mask, may_be_stack=True) > 0, case.truth)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST
    assert sorted(output.glob(".*")) == []
