"""A training in progress: one step at a time, and all of it as a snapshot."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch

from napari_localdisc.base.determinism import Determinism
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.pretraining.config import PretrainConfig
from napari_localdisc.core.pretraining.monitored_images import MonitoredImages, MonitoredOutputs
from napari_localdisc.core.pretraining.objectives import OBJECTIVES, Setting
from napari_localdisc.core.pretraining.pseudo_labels.kmeans_head import fit_kmeans_head
from napari_localdisc.core.pretraining.pseudo_labels.pseudo_label_maps import PseudoLabelMaps
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool
from napari_localdisc.core.pretraining.sampling.pool_pixels import PoolPixels
from napari_localdisc.core.pretraining.sampling.views import ViewFeeder
from napari_localdisc.core.pretraining.training_state import (
    FORMAT,
    TrainingState,
    differences,
    pack,
    unpack,
)
from napari_localdisc.core.pretraining.training_step import TrainingStep, choose_precision


class Trainer:
    """Network, objective, optimiser, schedule and chance of one training.

    Parameters
    ----------
    pool : ImagePool
    card : EncoderCard
    config : PretrainConfig
    device : torch.device
    classes : tuple of int, optional
        Class of each image of the pool.
    recipe : mapping
        What a snapshot must agree in to be taken up.
    pseudo_labels : PseudoLabelMaps, optional
        What the network learns to tell of the images of the pool.

    Attributes
    ----------
    step : int
        Steps done.
    rate : float
        Learning rate of the last step.
    """

    def __init__(
        self,
        pool: ImagePool,
        card: EncoderCard,
        config: PretrainConfig,
        device: torch.device,
        classes: tuple[int, ...] | None,
        recipe: Mapping[str, Any],
        pseudo_labels: PseudoLabelMaps | None = None,
    ) -> None:
        self.config, self.device, self.recipe = config, device, dict(recipe)
        self.step, self.rate = 0, 0.0
        self._seconds, self._since = 0.0, time.perf_counter()
        self.determinism = Determinism(config.seed, device)
        kind = OBJECTIVES[config.objective]
        with self.determinism.active():
            network = card.build().to(device).train()
            counts = pseudo_labels.counts if pseudo_labels else ()
            setting = Setting(config, card, network, len(pool), classes, counts)
            self.objective = kind(setting).to(device)
        self.training_step = TrainingStep(network, choose_precision(config, device))
        self.parameters = [*network.parameters(), *self.objective.parameters()]
        rate = config.learning_rate
        self.optimiser = torch.optim.AdamW(self.parameters, rate, weight_decay=1e-4)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, rate, total_steps=config.steps + 1, pct_start=0.1
        )
        self.feeder = ViewFeeder(pool, card, config, kind.one_crop_each, pseudo_labels)
        self.monitored = MonitoredImages(pool, card, network.body.stride)

    @property
    def seconds(self) -> float:
        """Time taken, that before a resumption included."""
        return self._seconds + time.perf_counter() - self._since

    @property
    def is_done(self) -> bool:
        """Whether all steps are taken."""
        return self.step >= self.config.steps

    @property
    def precision(self) -> str:
        """Name of what the network computes in."""
        return str(self.training_step.precision).removeprefix("torch.")

    def advance(self) -> dict[str, float]:
        """Take a step.

        Returns
        -------
        dict of str to float
            ``loss``, and its terms, unweighted.

        Raises
        ------
        LocaldiscError
            If the loss is no longer a number.
        """
        self.rate = float(self.schedule.get_last_lr()[0])
        with self.determinism.active():
            terms = self.objective(self.training_step, self.feeder(self.device), self.step)
            weights = self.objective.weights
            loss = sum(weights.get(name, 1.0) * term for name, term in terms.items())
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            slope = torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
            self.optimiser.step()
            self.schedule.step()
            self.objective.update()
        self.step += 1
        # One transfer for all of them: each would wait for the device.
        numbers = torch.stack([x.detach().float() for x in (slope, loss, *terms.values())]).tolist()
        if not all(map(math.isfinite, numbers)):
            raise LocaldiscError(
                f"the loss or its gradient is no longer a number at step {self.step}; use a"
                " smaller learning rate or float32 precision."
            )
        return dict(zip(("loss", *terms), numbers[1:], strict=True))

    def fit_kmeans_head(self) -> Run[None]:
        """Let the clustering branch tell the clusters of what the body sees, see `settling`."""
        network = self.training_step.network
        network.eval()
        pixels = PoolPixels(self.feeder.normalised, self.config.scales, self.config.seed)
        drawn = yield from pixels.draw(self.training_step.features, self.determinism, "kmeans")
        network.train()
        by_decoder = self.config.settled == "decoder"
        fit_kmeans_head(network, drawn, self.config.seed, by_decoder, self.config.merged)

    def monitored_outputs(self) -> MonitoredOutputs:
        """Look at the watched images."""
        with self.determinism.active():
            return self.monitored.outputs(self.training_step)

    def state(self) -> TrainingState:
        """Take a snapshot."""
        tensors: dict[str, torch.Tensor] = {}
        plain = pack(
            {
                "network": self.training_step.network.state_dict(),
                "objective": self.objective.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "global chance": self.determinism.states,
                "view chance": self.feeder.generator.get_state(),
                "objective chance": self.objective.generator.get_state(),
            },
            "state",
            tensors,
        )
        recipe = {**self.recipe, "format": FORMAT}
        return TrainingState(recipe, self.step, self.seconds, plain, tensors)

    def restore(self, state: TrainingState) -> None:
        """Go on from a snapshot.

        Raises
        ------
        LocaldiscError
            If it was taken with other settings, images or device.
        """
        found = differences(state.recipe, {**self.recipe, "format": FORMAT})
        if found:
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            listed = ", ".join(found[:5]) + more
            raise LocaldiscError(
                f"the checkpoint is of another run: {listed}; go on with the same settings and"
                " images, or start anew under another name."
            )
        parts = unpack(state.plain, state.tensors)
        self.training_step.network.load_state_dict(parts["network"])
        self.objective.load_state_dict(parts["objective"])
        self.optimiser.load_state_dict(parts["optimiser"])
        self._lay_out_moments()
        self.schedule.load_state_dict(parts["schedule"])
        self.determinism.states = parts["global chance"]
        self.feeder.generator.set_state(parts["view chance"])
        self.objective.generator.set_state(parts["objective chance"])
        self.step, self._seconds = state.step, state.seconds
        self._since = time.perf_counter()

    def _lay_out_moments(self) -> None:
        """Lay the optimiser's moments out in memory like their parameters, as they were."""
        for parameter, moments in self.optimiser.state.items():
            for name, value in moments.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter).copy_(value).detach()
