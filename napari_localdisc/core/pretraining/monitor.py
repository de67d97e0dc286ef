"""What a training tells of itself: curves, pictures, warnings, and whether it collapsed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.pretraining.health import Health, collapse, collapse_warnings
from napari_localdisc.core.pretraining.trainer import Trainer

_MEASUREMENTS, _LEAST_APART = 20, 25
"""How often in a training the encoder's health is measured, and steps between at least."""

_SETTLING = 0.1
"""Share of the steps that a branch is trained before it is complained of."""

_UNTRAINED = 20
"""Steps before which nothing is called collapsed: batch norm has not even seen its averages."""


class CollapseError(LocaldiscError):
    """A training went to its end, and what came out is of no use."""


class Monitor:
    """Follows a training, without any influence on it.

    Parameters
    ----------
    trainer : Trainer
    card : EncoderCard
    picture_every : int
        Steps between pictures, 0 for none.
    """

    def __init__(self, trainer: Trainer, card: EncoderCard, picture_every: int) -> None:
        self.trainer, self.card, self.picture_every = trainer, card, picture_every
        self.measure_every = max(_LEAST_APART, trainer.config.steps // _MEASUREMENTS)
        self.health: Health | None = None
        self.warnings: dict[str, str] = {}
        self._told: set[str] = set()

    def follow(self, values: Mapping[str, float]) -> Iterator[Progress]:
        """Tell of a step that was just taken.

        Parameters
        ----------
        values : mapping of str to float
            The loss and its terms.

        Yields
        ------
        Progress
            Of stage ``"pretrain"``, then, when due, ``"picture"`` and ``"warn"``.
        """
        step, steps = self.trainer.step, self.trainer.config.steps
        measured, pictured = (
            self._is_due(every) for every in (self.measure_every, self.picture_every)
        )
        look = self.trainer.monitored_outputs() if measured or pictured else None
        curve = {**values, "learning_rate": self.trainer.rate}
        if look is not None and measured:
            self.health = look.health()
            curve |= self.health.values()
        message = self._message(values)
        yield Progress("pretrain", step, steps, message, curve)
        if look is not None and pictured:
            heading = f"step {step} of {steps}: {message}"
            yield Progress("picture", step, steps, heading, payload=look.preview())
        if measured:
            yield from self._warn()

    def refuse_collapse(self) -> None:
        """Raise `CollapseError` if the encoder, as it was last measured, is of no use."""
        if self.health is None:
            return
        problem = collapse(self.health, **self._judged(self.trainer.step - 1 - _UNTRAINED))
        if problem:
            raise CollapseError(
                f"{problem}; train longer, on more varied images or with a larger balance weight."
            )

    def summary(self) -> dict[str, Any]:
        """Describe the training for the encoder's card."""
        health = self.health.values() if self.health else {}
        return {
            "device": self.trainer.device.type,
            "precision": self.trainer.precision,
            "seconds": round(self.trainer.seconds, 1),
            "health": {name: round(value, 4) for name, value in health.items()},
            "warnings": list(self.warnings.values()),
        }

    def _is_due(self, every: int) -> bool:
        last = self.trainer.step == self.trainer.config.steps
        return every > 0 and (last or self.trainer.step % every == 0)

    def _judged(self, step: int) -> dict[str, bool]:
        """Which branches were in training at a step."""
        objective = self.trainer.objective
        return {
            "grouped": step >= 0 and objective.trains_clusters(step),
            "embedded": step >= 0 and objective.trains_embedding,
        }

    def _warn(self) -> Iterator[Progress]:
        step, steps = self.trainer.step, self.trainer.config.steps
        settled = self._judged(step - 1 - max(_UNTRAINED, int(_SETTLING * steps)))
        if self.health is not None:
            self.warnings = collapse_warnings(self.health, self.card, **settled)
        for kind, warning in self.warnings.items():
            if kind not in self._told:
                yield Progress("warn", step, steps, f"step {step}: {warning}")
            self._told.add(kind)

    def _message(self, values: Mapping[str, float]) -> str:
        parts = [f"{name} {value:.3f}" for name, value in values.items()]
        if self.health is not None and self.trainer.objective.trains_clusters(
            self.trainer.step - 1
        ):
            parts.append(f"{self.health.clusters} clusters in use")
        return ", ".join(parts)
