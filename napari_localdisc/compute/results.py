"""What comes back from the process that computes: plain values, arrays and files' contents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_localdisc.batch.run_files import BatchReport
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.segmenter.segmentation import Segmentation
from napari_localdisc.stores.segmenter_files import SegmenterFile


@dataclass(frozen=True)
class HeldEncoder:
    """An encoder that the process holds.

    Attributes
    ----------
    name : str
        A shipped name or a path.
    card : EncoderCard
    digest : str
        Of its weights and card.
    """

    name: str
    card: EncoderCard
    digest: str


@dataclass(frozen=True)
class GuidedSegmenter:
    """What guidance found.

    Attributes
    ----------
    encoder : HeldEncoder
    segmenter : SegmenterFile
    kl : float
        Shape KL in nats of its masks.
    warnings : tuple of str
        One sentence each.
    """

    encoder: HeldEncoder
    segmenter: SegmenterFile
    kl: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class GuidedFiles:
    """Guidance on some of many files.

    Attributes
    ----------
    guided : GuidedSegmenter
    first : Segmentation
        Of the first image that guided.
    passed_over : tuple of str
        A line for each file that could not be read.
    guided_on : tuple of Path
    """

    guided: GuidedSegmenter
    first: Segmentation
    passed_over: tuple[str, ...]
    guided_on: tuple[Path, ...]


@dataclass(frozen=True)
class ChosenFiles:
    """What a run of a folder is going to do, as it says at its beginning."""

    files: tuple[Path, ...]


@dataclass(frozen=True)
class FolderResult:
    """What became of a folder, and the segmenter that did it."""

    segmenter: SegmenterFile
    report: BatchReport
