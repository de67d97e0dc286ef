"""The two-branch U-Net of local discrimination (Chen et al., IPMI 2021, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from napari_localdisc.core.encoder.card import stride_of
from napari_localdisc.core.imaging.scale_space import blur

_HIDDEN = 64
"""Channels between a branch's two layers, at most; as many as a longer embedding has."""

_SMOOTH = 1.0
"""Blur of what lies around a pixel, in cells."""

_Module = TypeVar("_Module", bound=nn.Module)


def channels_last(module: _Module) -> _Module:
    """Lay a module's weights out in memory as convolutions on CPUs and GPUs like them best."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def features_of(inputs: int, widths: Sequence[int], context: Sequence[int]) -> int:
    """Tell how many channels a U-Net of these gives: input, first and last level, and averages."""
    return (inputs + 2 * widths[0]) * (1 + len(context))


class _Block(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                # Zeros would mark the border, and near it patches are all too easily told apart.
                nn.Conv2d(channels, outputs, 3, padding=1, padding_mode="reflect", bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        if self.training or torch.is_grad_enabled():
            return cast(Tensor, super().forward(x))  # type: ignore[no-untyped-call]
        for first in range(0, len(self), 3):
            conv, norm = cast(nn.Conv2d, self[first]), cast(nn.BatchNorm2d, self[first + 1])
            x = F.relu_(fuse_conv_bn_eval(conv, norm)(x))
        return x


class UNet(nn.Module):
    """A U-Net that returns features at full resolution.

    The input itself and the shallowest encoder features are concatenated to the decoder's, so that
    fine detail reaches the heads by a short way. Where asked, what a pixel's surroundings have on
    average is put beside it all, for a pixel alone tells texture well, and badly where it lies.

    Parameters
    ----------
    inputs : int
        Channels of the input.
    widths : sequence of int
        Channels per level, the first at full resolution; each further level halves the resolution.
    context : sequence of int
        Sides in pixels of the cells that surroundings are averaged over and blurred by; they
        divide the stride.
    """

    def __init__(self, inputs: int, widths: Sequence[int], context: Sequence[int] = ()) -> None:
        super().__init__()
        self.inputs, self.widths, self.context = inputs, tuple(widths), tuple(context)
        self.down = nn.ModuleList(
            _Block(a, b) for a, b in zip((inputs, *widths[:-1]), widths, strict=True)
        )
        pairs = list(pairwise(widths))
        self.narrow = nn.ModuleList(nn.Conv2d(deep, wide, 1) for wide, deep in pairs)
        self.up = nn.ModuleList(_Block(2 * wide, wide) for wide, _ in pairs)

    @property
    def stride(self) -> int:
        """Factor by which height and width must be divisible, and of which they hold two."""
        return stride_of(self.widths)

    @property
    def features(self) -> int:
        """Channels of the output."""
        return features_of(self.inputs, self.widths, self.context)

    @property
    def reach(self) -> int:
        """Pixels to each side that an output pixel can depend on, rounded up to the stride."""
        levels = len(self.widths)
        # Two 3x3 convolutions per block; bilinear upsampling looks one coarse pixel further.
        total = sum(2 * 2**level for level in range(levels))
        total += sum(2 * 2**level + 2 ** (level + 1) for level in range(levels - 1))
        # The blur reaches three cells, the mean and bilinear upsampling another each.
        total += max((5 * cell for cell in self.context), default=0)
        return int(-(-(total + self.stride) // self.stride) * self.stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, features, H, W)."""
        return torch.cat(self.parts(x), dim=1)

    def parts(self, x: Tensor) -> list[Tensor]:
        """Map (N, C, H, W) to what features are made of, one after the other: (N, ., H, W) each."""
        skips, seen = [], x
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.avg_pool2d(x, 2))
            skips.append(x)
        for level in reversed(range(len(self.up))):
            wide = F.interpolate(
                self.narrow[level](x), scale_factor=2, mode="bilinear", align_corners=False
            )
            x = self.up[level](torch.cat([skips[level], wide], dim=1))
        own = [seen, skips[0], x]
        return [*own, *(_around(own, cell) for cell in self.context)]

    def decoded(self, features: Tensor) -> Tensor:
        """Cut out of features (N, F, H, W) what the decoder made, (N, widths[0], H, W)."""
        start = self.inputs + self.widths[0]
        return features[:, start : start + self.widths[0]]


def _around(parts: Sequence[Tensor], cell: int) -> Tensor:
    """Average channels, parts (N, C, H, W) of them each, over the surroundings of each pixel."""
    coarse = blur(torch.cat([F.avg_pool2d(part, cell) for part in parts], dim=1), _SMOOTH)
    return F.interpolate(coarse, scale_factor=cell, mode="bilinear", align_corners=False)


class LocalDiscriminationNet(nn.Module):
    """U-Net with an embedding branch and a clustering branch.

    Parameters
    ----------
    inputs : int
        Channels of the (preprocessed) input.
    widths : sequence of int
        Channels per level of the U-Net.
    embedding_dim : int
        Length D of an embedding vector; 32 in the paper.
    clusters : int
        Number M of clusters; 16 in the paper.
    context : sequence of int
        Of the U-Net.
    """

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int] = (24, 48, 96, 96),
        embedding_dim: int = 32,
        clusters: int = 16,
        context: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.body = UNet(inputs, widths, context)
        features = self.body.features
        hidden = min(features, max(_HIDDEN, embedding_dim))
        self.embedding = nn.Sequential(
            nn.Conv2d(features, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, embedding_dim, 1),
        )
        self.clustering = nn.Sequential(
            nn.Conv2d(features, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, clusters, 1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and cluster a batch.

        Parameters
        ----------
        x : Tensor, shape (N, C, H, W)
            Height and width divisible by ``body.stride``.

        Returns
        -------
        embedding : Tensor, shape (N, D, H, W)
            Unit length along D.
        memberships : Tensor, shape (N, M, H, W)
            Non-negative, summing to 1 along M.
        """
        return self.branches(self.body(x))

    def branches(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Turn features (N, F, H, W), of any size, into embedding and memberships."""
        return self.embed(features), self.cluster(features)

    def embed(self, features: Tensor) -> Tensor:
        """Turn features (N, F, H, W) into unit vectors (N, D, H, W)."""
        return F.normalize(cast(Tensor, self.embedding(features)), dim=1)

    def cluster(self, features: Tensor) -> Tensor:
        """Turn features (N, F, H, W) into memberships (N, M, H, W), which sum to 1 along M."""
        return cast(Tensor, self.clustering(features)).softmax(dim=1)
