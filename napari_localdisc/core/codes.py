"""Codes: to which of a trained encoder's clusters each pixel of an image belongs.

A second round of pretraining, as for speech (HuBERT: Hsu et al., TASLP 2021): a new network learns
to tell, of what is varied and hidden, the clusters that k-means found in the features of the first.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.encoder import Encoder
from napari_localdisc.core.image_pool import ImagePool
from napari_localdisc.core.normalised_pool import NormalisedPool
from napari_localdisc.core.segmentation_losses import IGNORE, segmentation_loss

_OUTSIDE = 255
"""Mark of what lies outside the field of view; clusters are fewer."""

_MOST_MAPS = 4096
"""Maps that are kept, a byte a pixel."""


class CodeMaps:
    """Tells the codes of images of a pool, each seen as a whole and at one size.

    Parameters
    ----------
    teacher : Encoder
        Whose clusters are told. It sees images as large as it saw them at most when it was trained.
    pool : ImagePool
    device : torch.device
        Where it runs.
    """

    def __init__(self, teacher: Encoder, pool: ImagePool, device: torch.device) -> None:
        self.normalised = NormalisedPool(pool, teacher.card, most_bytes=0)
        self.scale = max(teacher.card.training.get("scales", (1.0,)))
        self.network = teacher.network.to(device).eval()
        self.device = device
        self._kept = lru_cache(_MOST_MAPS)(self._look)

    def take(self, index: int, size: int) -> Tensor:
        """Tell the codes of an image on a canvas of some size.

        Returns
        -------
        Tensor of int64, shape (size, size)
            Counted from 0, `IGNORE` outside the field of view; on the CPU.
        """
        seen = F.interpolate(self._kept(index)[None, None], size=(size, size), mode="nearest-exact")
        codes = seen[0, 0].long()
        return codes.masked_fill(codes == _OUTSIDE, IGNORE)

    @torch.no_grad()
    def _look(self, index: int) -> Tensor:
        """Cluster an image: uint8 (S, S)."""
        inputs, field = self.normalised.inputs(index, self.scale, self.device)
        memberships: Tensor = self.network(inputs)[1]
        codes = memberships.argmax(dim=1, keepdim=True).masked_fill(field == 0, _OUTSIDE)
        return codes[0, 0].to(torch.uint8).cpu()


def told_codes(told: tuple[Tensor, Tensor], codes: Tensor, shown: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy of the codes, as told of two views of the same crops.

    Parameters
    ----------
    told : tuple of two Tensors, shape (N, M, H, W)
        Logits.
    codes : Tensor of int64, shape (N, H, W)
        `IGNORE` where there is none.
    shown : tuple of two Tensors of bool, shape (N, H, W), or (N, 1, 1) for whole crops
        Where a view shows a pixel, and nothing else.

    Returns
    -------
    Tensor, scalar
        In nats: the mean of both views' means over pixels.
    """
    wanted = [codes.masked_fill(~pixels, IGNORE) for pixels in shown]
    errors = [segmentation_loss(*pair, overlap=False) for pair in zip(told, wanted, strict=True)]
    return torch.stack(errors).mean()
