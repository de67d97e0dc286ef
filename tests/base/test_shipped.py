from __future__ import annotations

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.shipped import ENCODERS, SEGMENTERS, Shipped


def test_a_file_in_the_folder_is_all_it_takes(tmp_path):
    shipped = Shipped("thing", tmp_path)
    assert shipped.names == ()
    (tmp_path / "new.safetensors").touch()
    assert shipped.names == ("new",)
    assert shipped.find("new") == tmp_path / "new.safetensors"


def test_a_path_is_found_too_and_anything_else_is_named_with_what_there_is(tmp_path):
    other = tmp_path / "other.safetensors"
    other.touch()
    assert SEGMENTERS.find(other) == other
    for shipped in (ENCODERS, SEGMENTERS):
        assert shipped.names
        with pytest.raises(LocaldiscError, match=f"shipped \\({', '.join(shipped.names)}\\)"):
            shipped.find("liver")
