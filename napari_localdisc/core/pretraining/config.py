"""The recipe of a pretraining."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from napari_localdisc.core.imaging.augmentation import Turns
from napari_localdisc.core.pretraining.objective_names import ObjectiveName


class PretrainConfig(BaseModel):
    """Recipe of a pretraining.

    Attributes
    ----------
    objective : str
        What the encoder is trained for: local discrimination, or a baseline to compare it with.
    steps : int
        Optimisation steps.
    images, crops : int
        Images per step at full working size (more at smaller ones), and crops per step. Objectives
        that compare whole images take one crop each of as many images.
    crop : int
        Side of a crop in pixels.
    scales : tuple of float
        Sizes, relative to the card's working size, at which images are seen; drawn evenly.
    turns : str
        How the second view is turned, see `Turns`: what has an upright position, as a chest, is
        not to be turned upside down.
    zoom : float
        Largest factor by which the second view is zoomed in or out against the first; 1 for none.
    tilt : float
        Largest angle in degrees by which it is tilted.
    mirrored : bool
        Whether crops may lie across the border of an image, which goes on as its mirror image: what
        is near the border is learned as well as the rest. Without, only what both views show
        wherever they are shifted to, and at the border nothing, unless images are no larger than
        crops.
    warmup : float
        Share of the steps before the terms of clusters set in.
    tau : float
        Temperature of local discrimination and of invariant spreading; 0.1 in both papers.
    reach : int
        Near negatives are drawn from windows of this side in pixels.
    apart : float
        Pixels closer than this are no negatives of each other: told apart, they would be known by
        the noise between them.
    far : int
        Far negatives: points from the whole batch. 0 where all images show the same anatomy, in
        which what is like a pixel in another image is likely to be the same thing.
    hidden : float
        Share of the second view that is hidden, so that context must tell what is there.
    mixed : bool
        Whether half of the crops are mixed with another, for mixup.
    regional : float
        Width in pixels of the neighbourhood whose mean vector says which cluster a pixel belongs
        to; 0 for the pixel's own. Wider, clusters are of regions rather than of texture.
    patch, across, detail, recall, codes, assignment, region, agreement, entropy, balance : float
        Weights of these terms; that of patch discrimination holds for mixup, too. With assignment,
        memberships follow the prototypes, and agreement and balance may be 0. Across: what is most
        like a pixel in another image is told from the others, too, as if it were the pixel. Recall:
        the embedding must tell, by a linear map, what the U-Net's features tell. Codes: the decoder
        must tell to which of a teacher's clusters a varied or hidden pixel belongs.
    codebooks : tuple of int
        Instead of the teacher's own clusters those of several clusterings of what its decoder made
        of a pixel, and of the pixel's values: how many each divides pixels into, 2 to 255.
    superpixels : float
        Codebooks' clusters follow superpixels of about so many pixels a side, in the image as the
        teacher sees it; 0 for single pixels, as what is curvilinear needs.
    settled : str
        At the end the clustering branch is replaced by k-means on all ``"features"`` of a pixel, or
        on those that the ``"decoder"`` made of it, unless ``"off"``.
    merged : int
        The settled clusters are put together from so many small ones, at least as many as there
        are clusters, so that what shows in few pixels keeps one of its own; 0 for k-means alone.
    bank_tau, bank_momentum : float
        Temperature of instance discrimination, and the share of its memory kept at each visit.
    max_images : int
        At most so many of the images are used; drawn at random.
    precision : str
        ``"auto"`` is bfloat16 on CUDA devices that have it, else float32.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: ObjectiveName = "local-discrimination"
    steps: int = Field(default=600, ge=1)
    images: int = Field(default=4, ge=2)
    crops: int = Field(default=8, ge=2)
    crop: int = Field(default=64, ge=16, multiple_of=8)
    scales: tuple[PositiveFloat, ...] = Field(default=(1.0, 1.0, 0.5, 0.25), min_length=1)
    turns: Turns = "square"
    zoom: float = Field(default=1.0, ge=1, le=4)
    tilt: float = Field(default=0.0, ge=0, le=45)
    learning_rate: float = Field(default=2e-3, gt=0)
    mirrored: bool = False
    warmup: float = Field(default=0.4, ge=0, le=1)
    tau: float = Field(default=0.1, gt=0)
    reach: int = Field(default=48, ge=4)
    apart: float = Field(default=8.0, ge=0)
    far: int = Field(default=256, ge=0)
    hidden: float = Field(default=0.0, ge=0, lt=1)
    mixed: bool = True
    regional: float = Field(default=0.0, ge=0)
    patch: float = Field(default=1.0, ge=0)
    across: float = Field(default=0.0, ge=0)
    detail: float = Field(default=1.0, ge=0)
    recall: float = Field(default=0.0, ge=0)
    codes: float = Field(default=1.0, gt=0)
    assignment: float = Field(default=0.0, ge=0)
    region: float = Field(default=1.0, ge=0)
    agreement: float = Field(default=1.0, ge=0)
    entropy: float = Field(default=0.1, ge=0)
    balance: float = Field(default=0.3, ge=0)
    codebooks: tuple[Annotated[int, Field(ge=2, le=255)], ...] = ()
    superpixels: float = Field(default=0.0, ge=0)
    settled: Literal["off", "features", "decoder"] = "features"
    merged: int = Field(default=0, ge=0)
    bank_tau: float = Field(default=0.07, gt=0)
    bank_momentum: float = Field(default=0.5, ge=0, lt=1)
    max_images: int = Field(default=400, ge=2)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**31)
