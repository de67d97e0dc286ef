"""Broken and odd files of every kind, made on the spot; what each must end in is part of it."""

from __future__ import annotations

from tests.corpus.case import OF_PYTHON, Case, picture, stack, truth_of
from tests.corpus.dicoms import DICOMS
from tests.corpus.niftis import NIFTIS
from tests.corpus.pictures import PICTURES
from tests.corpus.places import PLACES
from tests.corpus.tiffs import TIFFS
from tests.corpus.zarrs import ZARRS

CORPUS: dict[str, Case] = {**PICTURES, **TIFFS, **NIFTIS, **DICOMS, **PLACES, **ZARRS}
"""By name; the name says what is odd about the file."""

__all__ = ["CORPUS", "OF_PYTHON", "Case", "picture", "stack", "truth_of"]
