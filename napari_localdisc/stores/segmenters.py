"""Segmenter files: all that a segmenter needs in one ``.safetensors`` file; some are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from napari_localdisc.base.digest import digest
from napari_localdisc.base.limits import check_values
from napari_localdisc.base.shipped import SEGMENTERS
from napari_localdisc.base.tensor_files import pack_tensors, read_content, unpack_tensors
from napari_localdisc.core.encoder.network import features_of
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.encoder.weights import arrays_of, filled, tensors_of
from napari_localdisc.core.segmenter.card import SegmenterCard
from napari_localdisc.core.segmenter.pixel_classifier import PixelClassifier
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.stores.segmenter_files import KIND, SegmenterFile, card_from, incomplete

_NETWORK = "network"
"""What names of the network's weights begin with; before them there were others beside it."""


def save_segmenter(segmenter: Segmenter, path: Path) -> None:
    """Write a segmenter to one ``.safetensors`` file."""
    segmenter_file(segmenter).save(Path(path))


def segmenter_file(segmenter: Segmenter) -> SegmenterFile:
    """Make the content of a segmenter's file."""
    header = segmenter.card.model_dump_json()
    tensors = arrays_of(_tensors(segmenter))
    return SegmenterFile(segmenter.card, pack_tensors(KIND, header, tensors))


def segmenter_digest(segmenter: Segmenter) -> str:
    """Hash what `save_segmenter` writes: two segmenters of one digest find the same."""
    return digest(segmenter.card.model_dump_json(), arrays_of(_tensors(segmenter)))


def _tensors(segmenter: Segmenter) -> dict[str, Tensor]:
    weights = segmenter.network.state_dict()
    return {f"{_NETWORK}.{name}": value for name, value in weights.items()}


def load_segmenter(name_or_path: str | Path) -> Segmenter:
    """Load a shipped segmenter by name, or what `save_segmenter` wrote by path.

    Raises
    ------
    LocaldiscError
        If there is no such segmenter, or the file is none or does not fit its card.
    """
    path = SEGMENTERS.find(name_or_path)
    return load_content(read_content(path, KIND), path)


def load_content(content: bytes, path: Path) -> Segmenter:
    """Make a segmenter of the content of its file; `path` is named in errors.

    Raises
    ------
    LocaldiscError
        If it is no segmenter, or does not fit its card.
    """
    header, arrays = unpack_tensors(content, KIND, path)
    card, tensors = card_from(header, path), tensors_of(arrays)
    encoder, targets = card.encoder, len(card.targets)
    inputs = encoder.preprocessing.inputs
    seen = features_of(inputs, encoder.widths, encoder.context)
    widest = max(encoder.embedding_dim + inputs, seen, 4 * encoder.widths[0])
    check_values(path, card.size**2 * widest)
    if not card.refined:
        return Segmenter(card, _pixel_classifier(card, tensors, path))
    weights = _part(tensors, _NETWORK) or _part(tensors, "refined")
    if not weights:
        raise incomplete(path)
    return Segmenter(card, filled(lambda: SegmentationNet.of(encoder, targets), weights, path))


def _pixel_classifier(
    card: SegmenterCard, tensors: Mapping[str, Tensor], path: Path
) -> PixelClassifier:
    """Make the classifier that a file of an earlier version holds."""
    weights = _part(tensors, _NETWORK) or dict(tensors)
    components = weights["whitening"].shape[-1:].numel() if "whitening" in weights else 0
    if not components:
        raise incomplete(path)
    limit = card.encoder.embedding_dim + card.encoder.preprocessing.inputs
    check_values(path, components * limit)
    return filled(
        lambda: PixelClassifier(card.encoder, components, len(card.targets)), weights, path
    )


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
