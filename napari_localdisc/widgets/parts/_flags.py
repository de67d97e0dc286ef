"""Flags of Qt, which the stubs of PyQt5 take for plain numbers once they are joined."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TypeVar

F = TypeVar("F")


def joined(first: F, *others: F) -> F:
    """Return flags that have all that one of these has."""
    flags: F = reduce(or_, others, first)
    return flags
