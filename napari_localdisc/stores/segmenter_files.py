"""Segmenter files as they are: a card and bytes, to be kept and passed on without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from napari_localdisc.base.atomic import write_bytes
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.shipped import SEGMENTERS
from napari_localdisc.base.tensor_files import read_content, unpack_header
from napari_localdisc.core.segmenter.card import SegmenterCard

KIND = "segmenter"


def shipped_segmenters() -> tuple[str, ...]:
    """Names of the segmenters that come with the package."""
    return SEGMENTERS.names


@dataclass(frozen=True, eq=False)
class SegmenterFile:
    """The content of a segmenter file.

    Attributes
    ----------
    card : SegmenterCard
    content : bytes
        A whole ``.safetensors`` file; `load_content` of `stores.segmenters` makes a network of it.
    """

    card: SegmenterCard
    content: bytes

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return self.card.targets

    @classmethod
    def read(cls, path: Path) -> SegmenterFile:
        """Read a file without looking at its weights.

        Raises
        ------
        LocaldiscError
            If it is no segmenter file.
        """
        content = read_content(path, KIND)
        return cls(card_from(unpack_header(content, KIND, path), path), content)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        LocaldiscError
            If it cannot be written.
        """
        write_bytes(path, self.content)


def card_from(header: str, path: Path) -> SegmenterCard:
    """Read a segmenter's card.

    Raises
    ------
    LocaldiscError
        If it is incomplete, or of another version.
    """
    try:
        return SegmenterCard.model_validate_json(header)
    except ValidationError as error:
        raise incomplete(path) from error


def incomplete(path: Path) -> LocaldiscError:
    """Say that a segmenter's file lacks something."""
    return LocaldiscError(f"segmenter {path} is incomplete or of another version; guide a new one.")
