"""Pretraining an encoder: by local discrimination, or by a baseline to compare it with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Run
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder, encoder_digest
from napari_localdisc.core.pretraining.config import PretrainConfig
from napari_localdisc.core.pretraining.health import Health
from napari_localdisc.core.pretraining.monitor import CollapseError, Monitor
from napari_localdisc.core.pretraining.monitored_images import TrainingPreview
from napari_localdisc.core.pretraining.objectives import OBJECTIVES
from napari_localdisc.core.pretraining.pseudo_labels.pseudo_label_maps import pseudo_label_maps
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool, fill_pool
from napari_localdisc.core.pretraining.trainer import Trainer
from napari_localdisc.core.pretraining.training_state import Checkpoints, TrainingState
from napari_localdisc.core.pretraining.training_step import choose_precision

__all__ = ["CollapseError", "PretrainConfig", "TrainingPreview", "curve_columns", "pretrain"]


def curve_columns(config: PretrainConfig) -> tuple[str, ...]:
    """Name every value that the steps of a pretraining may report."""
    return (
        "loss",
        *OBJECTIVES[config.objective].terms,
        "learning_rate",
        *Health.__dataclass_fields__,
    )


def pretrain(
    images: Sequence[npt.NDArray[np.generic]],
    card: EncoderCard,
    config: PretrainConfig | None = None,
    device: torch.device | None = None,
    *,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    checkpoints: Checkpoints | None = None,
    resume: TrainingState | None = None,
    picture_every: int = 0,
    teacher: Encoder | None = None,
) -> Run[Encoder]:
    """Train an encoder.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, 3)
        Images of one modality; a random `max_images` of them are used.
    card : EncoderCard
        What to build; the returned encoder's card adds the settings.
    config : PretrainConfig, optional
    device : torch.device, optional
        CPU if not given.
    classes : sequence of str, optional
        Class of each image, for the supervised objective.
    names : sequence of str, optional
        What to call the images where a checkpoint is of others.
    checkpoints : Checkpoints, optional
        Where to keep snapshots.
    resume : TrainingState, optional
        A snapshot to go on from: on the same device, the result is that of a run that never
        stopped.
    picture_every : int
        Steps between pictures, 0 for none.
    teacher : Encoder, optional
        For local discrimination: an encoder of a former round. The U-Net learns to tell its
        clusters, or codebooks of its features, the branches learn from what the U-Net sees.

    Yields
    ------
    Progress
        Per step, with every loss term as values, and every so often the encoder's `Health`. With
        stage ``"picture"`` and a `TrainingPreview` as payload, or stage ``"warn"`` and a message.

    Raises
    ------
    LocaldiscError
        If there are fewer images than a batch needs, the loss is no longer a number, `resume` is of
        another run, or the teacher is of no use here.
    CollapseError
        If the clusters or the embedding collapsed.
    """
    config = config or PretrainConfig()
    device = device or torch.device("cpu")
    _check_images(len(images), config)
    _check_teacher(teacher, card, config)
    _check_crop(card, config)
    _check_merged(card, config)
    order = (
        np.random.default_rng(config.seed).permutation(len(images))[: config.max_images].tolist()
    )
    kinds = _kinds(classes, order, config)
    pool = yield from fill_pool(images, order, card)
    del images
    recipe = _recipe(pool, card, config, device, names and [names[i] for i in order], kinds)
    recipe["teacher"] = teacher and encoder_digest(teacher)
    pseudo_labels = (
        (yield from pseudo_label_maps(teacher, pool, config, device)) if teacher else None
    )
    trainer = Trainer(pool, card, config, device, _numbered(kinds), recipe, pseudo_labels)
    if resume is not None:
        trainer.restore(resume)
    monitor = Monitor(trainer, card, picture_every)
    while trainer.step < config.steps:
        values = trainer.advance()
        if trainer.is_done and config.settled != "off":
            yield from trainer.fit_kmeans_head()
        yield from monitor.follow(values)
        if checkpoints is not None and not trainer.is_done and checkpoints.due(trainer.step):
            checkpoints.save(trainer.state())
    monitor.refuse_collapse()
    training = config.model_dump(mode="json") | monitor.summary() | {"images_used": len(pool)}
    if teacher:
        training["teacher"] = teacher.card.identity | {"digest": recipe["teacher"]}
    if kinds:
        training["classes"] = sorted(set(kinds))
    network = trainer.training_step.network.cpu().eval()
    return Encoder(card.model_copy(update={"training": training}), network)


def _check_images(count: int, config: PretrainConfig) -> None:
    least = OBJECTIVES[config.objective].least_images(config)
    found = min(count, config.max_images)
    if found < least:
        raise LocaldiscError(
            f"pretraining needs at least {least} images, got {found}; add images"
            + (" or take fewer crops." if least > 2 else ".")
        )


def _check_teacher(teacher: Encoder | None, card: EncoderCard, config: PretrainConfig) -> None:
    if teacher is None:
        if config.codebooks:
            raise LocaldiscError("codebooks are of a teacher's features; name a teacher, too.")
        return
    if not OBJECTIVES[config.objective].takes_teacher:
        raise LocaldiscError(
            f"the {config.objective} objective has no use for a teacher; leave it out."
        )
    if teacher.card.channels != card.channels:
        raise LocaldiscError(
            f"the teacher {teacher.name} sees {teacher.card.channels} channels and the images have"
            f" {card.channels}; name an encoder of the same modality."
        )


def _check_crop(card: EncoderCard, config: PretrainConfig) -> None:
    stride = card.stride
    if config.crop % stride or config.crop < 2 * stride:
        raise LocaldiscError(
            f"a network of {len(card.widths)} levels needs crops whose side is a multiple of"
            f" {stride} and at least {2 * stride}, got {config.crop}; change crop or widths."
        )


def _check_merged(card: EncoderCard, config: PretrainConfig) -> None:
    if 0 < config.merged < card.clusters:
        raise LocaldiscError(
            f"{config.merged} small clusters cannot be merged to {card.clusters}; set merged to a"
            " larger number, or to 0 for none."
        )


def _kinds(
    classes: Sequence[str] | None, order: Sequence[int], config: PretrainConfig
) -> list[str] | None:
    """Classes of the images in their order, for the objectives that need them."""
    if not OBJECTIVES[config.objective].needs_classes:
        return None
    kinds = [classes[index] for index in order] if classes else []
    if len(set(kinds)) < 2:
        raise LocaldiscError(
            f"the {config.objective} objective needs images of at least 2 classes, got"
            f" {', '.join(set(kinds)) or 'none'}; give the class of each image."
        )
    return kinds


def _numbered(kinds: Sequence[str] | None) -> tuple[int, ...] | None:
    if kinds is None:
        return None
    known = sorted(set(kinds))
    return tuple(known.index(kind) for kind in kinds)


def _recipe(
    pool: ImagePool,
    card: EncoderCard,
    config: PretrainConfig,
    device: torch.device,
    names: Sequence[str] | None,
    kinds: Sequence[str] | None,
) -> dict[str, Any]:
    """List what decides the result, in values that JSON holds without loss."""
    digests = [image.digest for image in pool.images]
    names = names or [f"image {index + 1}" for index in range(len(pool))]
    return {
        "config": config.model_dump(mode="json"),
        "card": card.model_dump(mode="json"),
        "device": device.type,
        "precision": str(choose_precision(config, device)),
        "pool": dict(zip(names, digests, strict=True)),
        "classes": dict(zip(names, kinds, strict=True)) if kinds else {},
    }
