"""What users have at hand without us: classical filters, thresholds, k-means, the prior itself.

Each writes a folder of masks, or of label maps with as many labels as the prior has targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from skimage.exposure import equalize_adapthist
from skimage.feature import multiscale_basic_features
from skimage.filters import frangi, sato, threshold_otsu
from skimage.io import imread, imsave
from skimage.segmentation import clear_border
from skimage.transform import resize

from napari_localdisc.core.evaluation.cluster_unions import count_overlap, fit_clusters
from napari_localdisc.core.imaging.arrays import FloatImage, as_image, field_of_view, is_coloured
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.formats.masks import read_mask

CLUSTERS = 16
_SIDE = 256
_PIXELS = 2000
Mask = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.uint8]


def _images(folder: Path) -> Iterator[tuple[str, FloatImage]]:
    for path in sorted(folder.iterdir()):
        yield path.stem, as_image(imread(path))


def _save(out: Path, stem: str, labels: Masks) -> None:
    out.mkdir(parents=True, exist_ok=True)
    imsave(out / f"{stem}.png", labels, check_contrast=False)


def _ridges(ridge: Callable[..., FloatImage], images: Path, out: Path) -> None:
    """Mark the strongest 14 % of a ridge filter's response to the equalised green channel."""
    for stem, image in _images(images):
        field = field_of_view(image)
        strength = ridge(equalize_adapthist(image[..., 1]), sigmas=range(1, 5), black_ridges=True)
        found = field & (strength > np.quantile(strength[field], 0.86))
        _save(out, stem, found.astype(np.uint8))


def sato_masks(images: Path, _: Prior, out: Path) -> None:
    """Follow Sato et al. 1998."""
    _ridges(sato, images, out)


def frangi_masks(images: Path, _: Prior, out: Path) -> None:
    """Follow Frangi et al. 1998."""
    _ridges(frangi, images, out)


def mean_prior_masks(images: Path, prior: Prior, out: Path) -> None:
    """Cut the mean of the references at one half, the same for every image."""
    means = prior.masks.mean(axis=0)
    for stem, image in _images(images):
        height, width = image.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        labels = np.zeros((side, side), dtype=np.uint8)
        for number, mean in enumerate(means):
            labels[resize(mean, (side, side)) >= 0.5] = number + 1
        _save(out, stem, labels[top : top + height, left : left + width])


def otsu_masks(images: Path, prior: Prior, out: Path) -> None:
    """Otsu's threshold (bright in colour images, dark in X-rays), tidied as the prior's shapes are.

    The last target gets the whole of it: the method knows only two classes.
    """
    rules = ShapeStatistics.of(prior, len(prior.targets) - 1)
    for stem, image in _images(images):
        field = field_of_view(image)
        grey = image.mean(axis=2)
        bright = grey > threshold_otsu(grey[field])
        found = field & (bright if is_coloured(image) else ~bright)
        inner = rules.tidy(clear_border(found))  # what touches the border is the air beside a body
        _save(out, stem, inner.astype(np.uint8) * len(prior.targets))


def best_clusters(examples: Sequence[tuple[Path, Path, Path | None]]) -> float:
    """Cluster ``multiscale_basic_features`` by k-means and take the cluster that fits best.

    The truth itself says which of the `CLUSTERS` clusters that is, so this is more than a user
    without labels could have.

    Parameters
    ----------
    examples : sequence of tuple of Path
        Image, true mask and, where there is one, field of view.

    Returns
    -------
    float
        Mean Dice over the images, averaged over the targets.
    """
    rng = np.random.default_rng(0)
    maps = [_features(as_image(imread(image))) for image, _, _ in examples]
    points = [rng.choice(m.reshape(len(m), -1), _PIXELS, axis=1).T for m in maps]
    model = fit_clusters(np.concatenate(points), CLUSTERS, 0, standardise=True)
    truths = [read_mask(mask) for _, mask, _ in examples]
    clusters = [
        resize(model.labels(m), truth.shape, order=0, preserve_range=True).astype(int)
        for m, truth in zip(maps, truths, strict=True)
    ]
    fields = [
        np.ones(truth.shape, bool) if field is None else read_mask(field) > 0
        for truth, (_, _, field) in zip(truths, examples, strict=True)
    ]
    best = []
    for target in range(1, int(max(truth.max() for truth in truths)) + 1):
        wanted = [truth == target for truth in truths]
        overlap = count_overlap(clusters, wanted, fields, CLUSTERS)
        best.append(max(overlap.dice([number]) for number in range(CLUSTERS)))
    return float(np.mean(best))


def _features(image: FloatImage) -> FloatImage:
    """Multi-scale features (D, h, w) at `_SIDE` pixels."""
    scale = _SIDE / max(image.shape[:2])
    small = resize(image, [round(n * scale) for n in image.shape[:2]], anti_aliasing=True)
    features = multiscale_basic_features(small, channel_axis=-1)
    return np.moveaxis(features, -1, 0).astype(np.float32)


BASELINES: dict[str, Callable[[Path, Prior, Path], None]] = {
    "Sato": sato_masks,
    "Frangi": frangi_masks,
    "mean prior": mean_prior_masks,
    "Otsu": otsu_masks,
}
"""All but k-means, whose best cluster is chosen by the truth itself."""
