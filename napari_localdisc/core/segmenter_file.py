"""Segmenter files: all that a segmenter needs in one ``.safetensors`` file; some are shipped."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from torch import Tensor

from napari_localdisc.core.digest import digest
from napari_localdisc.core.encoder import Encoder
from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.core.heads import Head
from napari_localdisc.core.segmentation_net import SegmentationNet
from napari_localdisc.core.segmenter import Segmenter, SegmenterCard
from napari_localdisc.core.tensorfile import (
    fill,
    find_file,
    load_tensors,
    save_tensors,
    shipped_in,
)

_SHIPPED = Path(__file__).parents[1] / "segmenters"


def save_segmenter(segmenter: Segmenter, path: Path) -> None:
    """Write a segmenter to one ``.safetensors`` file."""
    save_tensors(Path(path), "segmenter", segmenter.card.model_dump_json(), _tensors(segmenter))


def segmenter_digest(segmenter: Segmenter) -> str:
    """Hash what `save_segmenter` writes: two segmenters of one digest find the same."""
    return digest(segmenter.card.model_dump_json(), _tensors(segmenter))


def _tensors(segmenter: Segmenter) -> dict[str, Tensor]:
    parts = {"encoder": segmenter.encoder.network, "head": segmenter.head}
    if segmenter.refined is not None:
        parts["refined"] = segmenter.refined
    tensors = {"whitening": segmenter.whitening}
    for name, module in parts.items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    return tensors


def shipped_segmenters() -> tuple[str, ...]:
    """Names of the segmenters that come with the package."""
    return shipped_in(_SHIPPED)


def load_segmenter(name_or_path: str | Path) -> Segmenter:
    """Load a shipped segmenter by name, or what `save_segmenter` wrote by path.

    Raises
    ------
    LocaldiscError
        If there is no such segmenter, or the file is none or does not fit its card.
    """
    path = find_file(name_or_path, "segmenter", _SHIPPED)
    header, tensors = load_tensors(path, "segmenter")
    try:
        card = SegmenterCard.model_validate_json(header)
        whitening = tensors.pop("whitening")
    except (ValidationError, KeyError) as error:
        raise LocaldiscError(
            f"segmenter {path} is incomplete or of another version; guide a new one."
        ) from error
    encoder = Encoder(card.encoder, card.encoder.build().eval())
    head = Head(whitening.shape[-1], len(card.targets)).eval()
    refined = SegmentationNet.of(card.encoder, len(card.targets)).eval() if card.refined else None
    for name, module in {"encoder": encoder.network, "head": head, "refined": refined}.items():
        if module is not None:
            prefix = f"{name}."
            own = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
            fill(module, own, path)
    return Segmenter(card, encoder, head, whitening, refined)
