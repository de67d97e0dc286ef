"""The recipe: everything needed to run it again, as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from napari_localdisc.base.atomic import write_text

_PACKAGES = ("napari-localdisc", "torch", "numpy", "scikit-image")


def write_recipe(path: Path, recipe: Mapping[str, Any]) -> None:
    """Write a recipe with the versions that it ran with.

    Parameters
    ----------
    path : Path
    recipe : mapping
        Anything JSON holds; paths and other objects are written as text.
    """
    content = {**recipe, "versions": versions()}
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
