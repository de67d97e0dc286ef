from __future__ import annotations

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import load_tensors, save_tensors
from tests.conftest import little_space

TENSORS = {"a": np.arange(6).reshape(2, 3), "b": np.zeros(0), "c": np.array(2.5)}


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "x.safetensors"
    save_tensors(path, "thing", '{"a": "ü"}', TENSORS)
    header, tensors = load_tensors(path, "thing")
    assert header == '{"a": "ü"}'
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_others_may_read_what_the_user_lets_them(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        save_tensors(tmp_path / "x.safetensors", "thing", "", TENSORS)
    finally:
        os.umask(before)
    assert (tmp_path / "x.safetensors").stat().st_mode & 0o777 == mode


def test_a_full_disk_is_told_and_the_old_file_stays(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, "thing", "old", TENSORS)
    with (
        little_space(10_000),
        pytest.raises(LocaldiscError, match=r"cannot write .*free some space"),
    ):
        save_tensors(path, "thing", "new", {"large": np.ones(100_000)})
    assert load_tensors(path, "thing")[0] == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LocaldiscError, match=r"cannot write .*choose a folder"):
        save_tensors(tmp_path / "file" / "x.safetensors", "thing", "", TENSORS)


def _write_forever(path) -> None:
    for number in range(10**9):
        save_tensors(path, "thing", str(number), {"x": np.full(400_000, float(number))})


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, "thing", "-1", {"x": np.full(400_000, -1.0)})
    for moment in range(6):
        writer = multiprocessing.get_context("fork").Process(target=_write_forever, args=(path,))
        writer.start()
        time.sleep(0.15 + 0.013 * moment)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        header, tensors = load_tensors(path, "thing")
        assert (tensors["x"] == float(header)).all()
    assert int(header) > 0
