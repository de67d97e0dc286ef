"""Names that a shell completes, found without loading anything heavy."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Names that begin alike; where there are none, shells offer files."""
    return [name for name in names if name.startswith(incomplete)]
