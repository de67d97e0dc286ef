"""Names that a shell completes, found without loading anything heavy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_localdisc.base.shipped import ENCODERS, SEGMENTERS


def listed(names: Sequence[str]) -> str:
    """Say which there are, for a help text."""
    return ", ".join(names)


def encoders(incomplete: str) -> list[str]:
    """Complete ``--encoder``."""
    return _fitting(["auto", "random", *ENCODERS.names], incomplete)


def segmenters(incomplete: str) -> list[str]:
    """Complete ``--segmenter``."""
    return _fitting(SEGMENTERS.names, incomplete)


def devices(incomplete: str) -> list[str]:
    """Complete ``--device``; which are there is not asked, for that would load torch."""
    return _fitting(["auto", "cpu", "cuda", "mps"], incomplete)


def priors(incomplete: str) -> list[str]:
    """Complete ``--prior``."""
    from napari_localdisc.core.priors import BUILT_IN_PRIORS

    return _fitting(BUILT_IN_PRIORS, incomplete)


def _fitting(names: Sequence[str], incomplete: str) -> list[str]:
    """Names that begin alike, and else files and folders, which the option takes, too."""
    found = [name for name in names if name.startswith(incomplete)]
    return found or _paths(incomplete)


def _paths(incomplete: str) -> list[str]:
    given = Path(incomplete)
    folder = given if incomplete.endswith("/") else given.parent
    begun = "" if incomplete.endswith("/") else given.name
    if not folder.is_dir():
        return []
    there = sorted(path for path in folder.iterdir() if path.name.startswith(begun))
    return [f"{path}/" if path.is_dir() else str(path) for path in there]
