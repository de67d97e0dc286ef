"""Bounded types of the fields of a card, since files may come from anyone."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, FiniteFloat


def _shown(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds signs that cannot be shown")
    return text


Text = Annotated[str, Field(max_length=1000), AfterValidator(_shown)]
"""Text for people, without characters that could steer a terminal."""

Texts = Annotated[tuple[Text, ...], Field(max_length=10_000)]

Scales = Annotated[tuple[Annotated[FiniteFloat, Field(ge=0.25, le=512)], ...], Field(max_length=16)]
"""Widths in pixels."""

Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=8)
]
"""Channels by level of a network."""

Cells = Annotated[tuple[Annotated[int, Field(ge=2, le=128)], ...], Field(max_length=4)]
"""Sides in pixels."""

Share = Annotated[FiniteFloat, Field(gt=0, le=1)]
