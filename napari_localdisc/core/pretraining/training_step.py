"""The network as it is trained: laid out for the device, in mixed precision where it has it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.encoder.network import LocalDiscriminationNet, channels_last
from napari_localdisc.core.pretraining.config import PretrainConfig


class TrainingStep:
    """Runs a network for an objective; whatever the precision inside, results are float32.

    Parameters
    ----------
    network : LocalDiscriminationNet
        On its device.
    precision : torch.dtype
        What convolutions compute in: float32 or bfloat16.
    """

    def __init__(self, network: LocalDiscriminationNet, precision: torch.dtype) -> None:
        self.network = channels_last(network)
        self.precision = precision
        self.device = next(network.parameters()).device

    def branches(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and cluster (N, C, H, W): unit vectors (N, D, H, W), memberships (N, M, H, W)."""
        return self.everything(views)[1:]

    def everything(self, views: Tensor, *, apart: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """As `branches`, and before them the features (N, F, H, W) that both branches see.

        Parameters
        ----------
        views : Tensor, shape (N, C, H, W)
        apart : bool
            Whether what the branches learn does not reach the body.
        """
        with self._autocast():
            features = self.network.body(_laid_out(views))
            seen = features.detach() if apart else features
            embedding, memberships = self.network.branches(seen)
        return features.float(), self._exact(embedding, 2), self._exact(memberships, 1)

    def features(self, views: Tensor) -> Tensor:
        """Run the body alone: features (N, F, H, W), before either branch."""
        with self._autocast():
            features: Tensor = self.network.body(_laid_out(views))
        return features.float()

    def embedding(self, views: Tensor) -> Tensor:
        """Embed (N, C, H, W) as unit vectors (N, D, H, W), without the clustering branch."""
        with self._autocast():
            embedding = self.network.embed(self.network.body(_laid_out(views)))
        return self._exact(embedding, 2)

    @property
    def _is_mixed(self) -> bool:
        return self.precision != torch.float32

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._is_mixed)

    def _exact(self, x: Tensor, norm: int) -> Tensor:
        """Undo what rounding did to the norm along dimension 1, which is 1: losses see it."""
        return F.normalize(x.float(), p=norm, dim=1) if self._is_mixed else x


def choose_precision(config: PretrainConfig, device: torch.device) -> torch.dtype:
    """Say what a network computes in on a device."""
    if config.precision == "auto":
        mixed = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        mixed = config.precision == "bfloat16"
    return torch.bfloat16 if mixed else torch.float32


def _laid_out(views: Tensor) -> Tensor:
    return views.contiguous(memory_format=torch.channels_last)
