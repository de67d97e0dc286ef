"""Segmenter files: all that a segmenter needs in one ``.safetensors`` file; some are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from napari_localdisc.base.digest import digest
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_values
from napari_localdisc.base.shipped import SEGMENTERS
from napari_localdisc.base.tensor_files import pack_tensors, read_content, unpack_tensors
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.network import features_of
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.encoder.weights import arrays_of, check_finite, filled, tensors_of
from napari_localdisc.core.segmenter.heads import Head
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.stores.segmenter_files import KIND, SegmenterFile, card_from, incomplete


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
    parts = {"encoder": segmenter.encoder.network, "head": segmenter.head}
    if segmenter.refined is not None:
        parts["refined"] = segmenter.refined
    tensors = {"whitening": segmenter.whitening}
    for name, module in parts.items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    return tensors


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
    if "whitening" not in tensors:
        raise incomplete(path)
    whitening = tensors.pop("whitening")
    inputs = card.encoder.preprocessing.inputs
    features = card.encoder.embedding_dim + inputs
    if whitening.ndim != 2 or len(whitening) != features or not whitening.shape[1]:
        raise LocaldiscError(
            f"segmenter {path} has a whitening of shape {tuple(whitening.shape)}, expected"
            f" ({features}, D); the file is damaged or of another version."
        )
    check_finite({"whitening": whitening}, path)
    widths = card.encoder.widths
    seen = features_of(inputs, widths, card.encoder.context)
    widest = max(features, seen, 4 * widths[0])
    check_values(path, card.size**2 * widest)
    targets = len(card.targets)
    head = filled(lambda: Head(whitening.shape[-1], targets), _part(tensors, "head"), path)
    refined = None
    if card.refined:
        refined = filled(
            lambda: SegmentationNet.of(card.encoder, targets), _part(tensors, "refined"), path
        )
    network = filled(card.encoder.build, _part(tensors, "encoder"), path)
    return Segmenter(card, Encoder(card.encoder, network), head, whitening.float(), refined)


def _part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
