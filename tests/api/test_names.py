from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import napari_localdisc as ld

DESIGNED = {
    "LocaldiscError",
    "Prior",
    "clusters",
    "embed",
    "evaluate",
    "guide",
    "load_encoder",
    "load_segmenter",
    "measure",
    "segment_folder",
}


def test_names_that_users_rely_on():
    assert set(ld.__all__) >= DESIGNED
    assert set(dir(ld)) >= DESIGNED
    for name in ld.__all__:
        assert getattr(ld, name).__doc__


def test_editors_see_the_names_that_are_imported():
    tree = ast.parse(Path(ld.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: statement.module
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert set(seen) == set(ld.__all__)
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(ld, name)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'segmentize'"):
        _ = ld.segmentize
    with pytest.raises(ImportError):
        from napari_localdisc import segmentize  # noqa: F401


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys; before = set(sys.modules); import time; start = time.perf_counter();"
        "import napari_localdisc; print(time.perf_counter() - start);"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    seconds, modules = zip(*(run.stdout.splitlines() for run in runs), strict=True)
    foreign = set(modules[0].split()) - sys.stdlib_module_names
    assert foreign == {"napari_localdisc"}
    assert min(map(float, seconds)) < 0.5  # 0.02 s on an idle machine
