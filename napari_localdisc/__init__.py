"""Annotation-free segmentation of medical images, in napari, Python and on the command line.

What a structure looks like is said by a prior, a set of reference masks; guidance finds it in
images that nobody has labelled. Nothing heavy is imported before it is used.

Examples
--------
>>> import napari_localdisc as ld
>>> from napari_localdisc.core.phantoms import xray_phantom
>>> image = xray_phantom(3, 128).image
>>> result = ld.load_segmenter("lungs").segment(image)
>>> area = ld.measure(result, spacing=(2.5, 2.5), unit="mm", image=image)[1]
>>> area.target, area.name, area.unit, 20_000 < area.value < 50_000
('lungs', 'area', 'mm²', True)

The other way, from a prior: ``ld.guide(images, ld.Prior.simulate("lungs")).segmenter``. Whatever
takes long takes ``on_progress``; functions that end in ``_steps`` are the same as generators of
`Progress`, to be driven step by step and closed at any time.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_localdisc.api.encoders import (
        clusters,
        clusters_steps,
        embed,
        embed_steps,
        load_encoder,
    )
    from napari_localdisc.api.masks import evaluate, measure
    from napari_localdisc.api.priors import Prior
    from napari_localdisc.api.segmenters import (
        guide,
        guide_steps,
        load_segmenter,
        segment_folder,
        segment_folder_steps,
    )
    from napari_localdisc.base.errors import LocaldiscError
    from napari_localdisc.base.progress import Progress

__all__ = [
    "LocaldiscError",
    "Prior",
    "Progress",
    "clusters",
    "clusters_steps",
    "embed",
    "embed_steps",
    "evaluate",
    "guide",
    "guide_steps",
    "load_encoder",
    "load_segmenter",
    "measure",
    "segment_folder",
    "segment_folder_steps",
]

# OpenMP threads that spin while they wait make torch ten times slower on a busy machine, and a
# viewer stutter; the setting counts only before torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

_HOMES = {
    "api.encoders": ("clusters", "clusters_steps", "embed", "embed_steps", "load_encoder"),
    "api.masks": ("evaluate", "measure"),
    "api.priors": ("Prior",),
    "api.segmenters": (
        "guide",
        "guide_steps",
        "load_segmenter",
        "segment_folder",
        "segment_folder_steps",
    ),
    "base.errors": ("LocaldiscError",),
    "base.progress": ("Progress",),
}


def __getattr__(name: str) -> object:
    """Import a name of the API when it is first used."""
    for home, names in _HOMES.items():
        if name in names:
            found: object = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
