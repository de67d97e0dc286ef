"""Objectives of pretraining: local discrimination, and the baselines beside it."""

from __future__ import annotations

from napari_localdisc.core.pretraining.objectives.base import Objective, Setting
from napari_localdisc.core.pretraining.objectives.instance_discrimination import (
    InstanceDiscrimination,
)
from napari_localdisc.core.pretraining.objectives.invariant_spreading import InvariantSpreading
from napari_localdisc.core.pretraining.objectives.local_discrimination import LocalDiscrimination
from napari_localdisc.core.pretraining.objectives.supervised import Supervised

__all__ = ["OBJECTIVES", "Objective", "Setting"]

OBJECTIVES: dict[str, type[Objective]] = {
    objective.name: objective
    for objective in (LocalDiscrimination, InstanceDiscrimination, InvariantSpreading, Supervised)
}
"""By the name that recipes and the command line use."""
