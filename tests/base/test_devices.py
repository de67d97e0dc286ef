from __future__ import annotations

import pytest

from napari_localdisc.base.devices import available_devices, resolve_device
from napari_localdisc.base.errors import LocaldiscError


def test_the_cpu_comes_first():
    assert available_devices()[0] == "cpu"
    assert resolve_device("cpu").type == "cpu"


def test_auto_takes_what_is_there():
    found = available_devices()
    assert str(resolve_device()) == (found[1] if len(found) > 1 else "cpu")


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "", "CPU"])
def test_what_is_not_there_is_named(name):
    with pytest.raises(LocaldiscError, match=r"is not available here \(found: cpu"):
        resolve_device(name)
