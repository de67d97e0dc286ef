"""Encoders as a user names them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.card import shipped_encoders
from napari_localdisc.core.encoder.encoder import Encoder, default_encoder, load_encoder
from napari_localdisc.core.encoder.untrained import RANDOM
from napari_localdisc.core.evaluation.initialisation import Initialisation
from napari_localdisc.core.evaluation.pixel_vectors import check_fits
from napari_localdisc.datasets.labelled_sets import SetFiles
from napari_localdisc.formats.images import read_picture
from napari_localdisc.stores.chosen_encoder import AUTO, EncoderChoice, choice_of

_WORD = re.compile(r"(?:(?P<name>[\w.+ -]+)(?:@(?P<set>[\w.+-]+))?=)?(?P<source>.+)")


def _parted(word: str) -> tuple[str, str, str]:
    """Split ``[NAME[@SET]=]ENCODER`` into name, set (or nothing) and encoder."""
    found = _WORD.fullmatch(word)
    if found is None:
        raise LocaldiscError(f"{word!r} names no encoder; write NAME=ENCODER.")
    source = found["source"]
    shipped = source in shipped_encoders()
    return found["name"] or (source if shipped else Path(source).stem), found["set"] or "", source


def open_encoders(words: Sequence[str], seed: int = 0) -> dict[str, EncoderChoice]:
    """Load encoders given as ``NAME=ENCODER`` or ``ENCODER``.

    Parameters
    ----------
    words : sequence of str
        ENCODER is a shipped name, a file, ``auto`` or ``random``; the last two are chosen by images
        later.
    seed : int
        Of untrained weights.

    Raises
    ------
    LocaldiscError
        If there is no such encoder, or two have the same name.
    """
    opened: dict[str, EncoderChoice] = {}
    for word in words:
        name, for_set, source = _parted(word)
        if for_set:
            raise LocaldiscError(f"encoder {word} names a set; leave @{for_set} out.")
        if name in opened:
            raise LocaldiscError(f"two encoders are named {name}; write NAME=ENCODER to tell them.")
        choice = EncoderChoice(source, seed=seed)
        opened[name] = choice if choice.needs_image else choice_of(load_encoder(source))
    return opened


def open_inits(
    words: Sequence[str], sets: Sequence[SetFiles]
) -> dict[str, tuple[Initialisation, ...]]:
    """Load the initialisations of a transfer table.

    Parameters
    ----------
    words : sequence of str
        ``NAME=ENCODER`` for all sets, ``NAME@SET=ENCODER`` for one set alone, where ENCODER is a
        shipped name, a file or ``auto``, the shipped one that suits the set; or ``random``: random
        weights in the architecture of the first encoder of each set, or else of the shipped one
        that suits its images.
    sets : sequence of SetFiles

    Returns
    -------
    dict of str to tuple of Initialisation
        By set, in the order in which their names were given.

    Raises
    ------
    LocaldiscError
        If none is given, two are the same, a set is unknown, or an encoder is missing or does not
        fit.
    """
    if not words:
        raise LocaldiscError("no initialisation was given; add --init random or NAME=ENCODER.")
    sources: dict[str, dict[str, str]] = {}
    for word in words:
        name, for_set, source = (RANDOM, "", "") if word == RANDOM else _parted(word)
        if for_set and for_set not in {files.spec.name for files in sets}:
            raise LocaldiscError(
                f"--init {word} is for set {for_set}, which is not among those given"
                f" ({', '.join(files.spec.name for files in sets)})."
            )
        own = sources.setdefault(name, {})
        if for_set in own:
            raise LocaldiscError(f"initialisation {name} is given twice; give one another name.")
        own[for_set] = source
    loaded: dict[str, Encoder] = {}
    return {files.spec.name: _inits(files, sources, loaded) for files in sets}


def _inits(
    files: SetFiles, sources: Mapping[str, Mapping[str, str]], loaded: dict[str, Encoder]
) -> tuple[Initialisation, ...]:
    name = files.spec.name
    chosen = {init: _named(own.get(name, own.get("")), files) for init, own in sources.items()}
    for source in chosen.values():
        if source and source not in loaded:
            loaded[source] = load_encoder(source)
    first = next((loaded[source] for source in chosen.values() if source), None)
    if first is None:
        first = load_encoder(_suited(files))
    inits = []
    for init, source in chosen.items():
        if source is not None:
            encoder = loaded[source] if source else first
            check_fits(init, encoder.card, files.spec.size)
            inits.append(Initialisation(init, encoder.card, encoder.network if source else None))
    return tuple(inits)


def _named(source: str | None, files: SetFiles) -> str | None:
    return _suited(files) if source == AUTO else source


def _suited(files: SetFiles) -> str:
    return default_encoder(read_picture(files.train[0].image))
