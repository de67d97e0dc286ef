"""What every objective has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.pretraining.config import PretrainConfig
from napari_localdisc.core.pretraining.sampling.views import Views
from napari_localdisc.core.pretraining.training_step import TrainingStep


@dataclass(frozen=True)
class Setting:
    """What an objective may need to know before the first step.

    Attributes
    ----------
    config : PretrainConfig
    card : EncoderCard
    network : LocalDiscriminationNet
        The network that will be trained; look, don't touch.
    images : int
        Images in the pool.
    classes : tuple of int, optional
        Class of each image, 0..K-1.
    pseudo_label_counts : tuple of int
        Of how many clusters each of the codes is that views carry; empty if they carry none.
    """

    config: PretrainConfig
    card: EncoderCard
    network: LocalDiscriminationNet
    images: int
    classes: tuple[int, ...] | None = None
    pseudo_label_counts: tuple[int, ...] = ()


class Objective(nn.Module, ABC):
    """Turns a batch of paired views into named loss terms.

    What an objective learns or remembers are its parameters and buffers: parameters are trained
    with the network, both go into checkpoints. Chance comes from `generator` alone, whose state
    goes there too. Neither ends up in the encoder.

    To add one: a module here, a line in `OBJECTIVES`, a name in `ObjectiveName`.

    Attributes
    ----------
    name : str
        As in recipes and on the command line.
    terms : tuple of str
        Names of all its loss terms, in the order in which curves show them.
    one_crop_each : bool
        Whether every crop of a batch must come from another image.
    trains_embedding : bool
        Whether it shapes the embedding branch; if not, that is not watched for collapse.
    needs_classes : bool
    takes_teacher : bool
        Whether it makes use of codes.
    """

    name: ClassVar[str]
    terms: ClassVar[tuple[str, ...]]
    one_crop_each: ClassVar[bool] = False
    trains_embedding: ClassVar[bool] = True
    needs_classes: ClassVar[bool] = False
    takes_teacher: ClassVar[bool] = False

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.config = setting.config
        self.generator = torch.Generator().manual_seed(setting.config.seed)

    @classmethod
    def least_images(cls, config: PretrainConfig) -> int:
        """Fewest images that make a batch."""
        return config.crops if cls.one_crop_each else 2

    @property
    def weights(self) -> Mapping[str, float]:
        """Weights of the terms in the loss; 1 for those not named."""
        return {}

    @abstractmethod
    def forward(self, training_step: TrainingStep, views: Views, step: int) -> dict[str, Tensor]:
        """Compute the loss terms of a step, scalars, unweighted; all or some of `terms`."""

    def trains_clusters(self, step: int) -> bool:  # noqa: ARG002
        """Whether it shapes the clustering branch at a step; if not, that cannot collapse."""
        return False

    def update(self) -> None:
        """Follow up on an optimisation step: a memory bank, a teacher. Without gradient."""
        return
