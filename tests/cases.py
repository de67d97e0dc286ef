"""Small cases from public bug reports, kept beside a checkout; tests of them skip without it."""

from __future__ import annotations

from pathlib import Path

import pytest

CASES = Path(__file__).parents[2] / "shared" / "cases"


def case(number: int) -> Path:
    """Return the folder of a case, or skip the test that asks for it."""
    found = sorted(CASES.glob(f"{number:02}-*"))
    if not found:
        pytest.skip(f"no case {number:02} in {CASES}: they are not part of a checkout")
    return found[0]
