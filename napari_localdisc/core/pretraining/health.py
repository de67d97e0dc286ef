"""Whether an encoder in training is collapsing, measured on a few fixed images."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from napari_localdisc.core.encoder.card import EncoderCard

IN_USE = 0.005
"""A cluster counts as in use from this share of the pixels on."""

_SAME = 1e-3
"""Below this spread all pixels have the same vector, to all intents."""


@dataclass(frozen=True)
class Health:
    """How much of its room an encoder uses.

    Attributes
    ----------
    clusters : int
        Clusters that win at least `IN_USE` of the pixels.
    membership_entropy : float
        Mean over pixels, as a share of its largest value: 0 decided, 1 undecided.
    effective_rank : float
        Directions that the embedding varies in: exp of the entropy of the covariance's normalised
        eigenvalues, 1 to D.
    spread : float
        How far vectors lie from their mean: 0 all the same, 1 all around.
    """

    clusters: int
    membership_entropy: float
    effective_rank: float
    spread: float

    def values(self) -> dict[str, float]:
        """As points of curves."""
        return asdict(self)


@torch.no_grad()
def measure_health(vectors: Tensor, memberships: Tensor) -> Health:
    """Measure both branches.

    Parameters
    ----------
    vectors : Tensor, shape (P, D)
        Unit vectors of pixels.
    memberships : Tensor, shape (P, M)
    """
    entropy = torch.special.entr(memberships).sum(dim=1).mean()
    rank, spread = effective_rank(vectors)
    return Health(
        clusters=clusters_in_use(memberships),
        membership_entropy=float(entropy) / math.log(memberships.shape[1]),
        effective_rank=rank,
        spread=spread,
    )


def clusters_in_use(memberships: Tensor) -> int:
    """Count the clusters that win a share of the pixels (P, M)."""
    won = memberships.argmax(dim=1).bincount(minlength=memberships.shape[1])
    return int((won > IN_USE * won.sum()).sum())


def effective_rank(vectors: Tensor) -> tuple[float, float]:
    """Measure how many directions vectors vary in, and how much.

    Parameters
    ----------
    vectors : Tensor, shape (P, D)

    Returns
    -------
    rank : float
        exp of the entropy of the covariance's eigenvalues, normalised to sum 1; 1 if all vectors
        are the same.
    spread : float
        The eigenvalues' sum: mean squared distance from the mean vector.
    """
    # On the CPU: there the eigenvalues of one matrix are always the same, in every precision.
    centred = vectors.double() - vectors.double().mean(dim=0)
    covariance = (centred.T @ centred / len(centred)).cpu()
    eigenvalues = torch.linalg.eigvalsh(covariance).clamp_min(0)
    spread = float(eigenvalues.sum())
    if spread <= 1e-12:
        return 1.0, 0.0
    share = eigenvalues / eigenvalues.sum()
    return float(torch.special.entr(share).sum().exp()), spread


def collapse_warnings(
    health: Health, card: EncoderCard, *, grouped: bool, embedded: bool
) -> dict[str, str]:
    """Say what points to a collapse, a sentence for each thing that looks wrong.

    Parameters
    ----------
    health : Health
    card : EncoderCard
        Says how many clusters and dimensions there are.
    grouped, embedded : bool
        Whether clusters and embedding are being trained by now.
    """
    found = {}
    if grouped and health.clusters <= max(1, card.clusters // 4):
        found["clusters"] = (
            f"only {health.clusters} of {card.clusters} clusters are in use; a larger balance"
            " weight or more varied images keep more of them."
        )
    if grouped and health.membership_entropy > 0.95:
        found["memberships"] = (
            "memberships are undecided, every pixel belongs to all clusters alike; train longer or"
            " with a larger entropy weight."
        )
    few = min(3.0, 0.3 * card.embedding_dim)
    if embedded and (health.effective_rank < few or health.spread < 0.05):
        found["embedding"] = (
            f"the embedding varies in {health.effective_rank:.1f} directions by"
            f" {health.spread:.3f}, pixels look alike to it; use more varied images, more crops or"
            " a smaller learning rate."
        )
    return found


def collapse(health: Health, *, grouped: bool, embedded: bool) -> str:
    """Say what has collapsed beyond use, nothing if all is well; as `collapse_warnings`."""
    if embedded and health.spread < _SAME:
        return "the embedding collapsed, every pixel has the same vector"
    if grouped and health.clusters < 2:
        return "the clusters collapsed into one"
    return ""
