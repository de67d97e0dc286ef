"""The colours of an encoder are the same for every image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.embedding import embed
from napari_localdisc.core.encoder.embedding_pca import EmbeddingPCA, embedding_pca
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.phantoms import xray_phantom


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("chest-xray")


@pytest.fixture(scope="module")
def components(encoder):
    return drain(embedding_pca(encoder))


def test_the_same_pixels_have_the_same_colours_in_another_image(encoder, components):
    image = xray_phantom(5, 128).image
    beside = np.concatenate([image, xray_phantom(6, 128).image[:, :64]], axis=1)
    one, two = (drain(embed(pixels, encoder)) for pixels in (image, beside))
    near = slice(None), slice(None), slice(0, 40)
    whole = [np.ones(found.shape[1:], bool) for found in (one, two)]
    pictures = [
        components.picture(components.scores(found), field)[near[1:]]
        for found, field in zip((one, two), whole, strict=True)
    ]
    # The images are normalised as a whole, so that the embedding itself differs a little.
    assert np.abs(one[near] - two[near]).max() > 0
    assert np.abs(np.subtract(*pictures, dtype=int)).mean() < 20


def test_they_are_found_once_for_an_encoder(encoder, components):
    run = embedding_pca(encoder)
    with pytest.raises(StopIteration) as stop:
        next(run)
    assert stop.value.value is components


def test_another_encoder_of_the_same_weights_gets_the_same(components):
    again = drain(embedding_pca(load_encoder("chest-xray")))
    assert again is not components
    np.testing.assert_allclose(again.axes, components.axes, atol=1e-4)
    np.testing.assert_allclose(again.low, components.low, atol=1e-4)


def test_they_show_most_of_what_varies_in_other_images(encoder, components):
    embedding = drain(embed(xray_phantom(9, 256).image, encoder))
    embedding = embedding.reshape(encoder.card.embedding_dim, -1)
    own = np.linalg.eigvalsh(np.cov(embedding))[::-1][:3].sum()
    shown = components.scores(embedding).var(axis=1).sum()
    assert shown > 0.8 * own


def test_scores_are_projections(encoder, components):
    shape = (encoder.card.embedding_dim, 5, 7)
    vectors = np.random.default_rng(0).random(shape, dtype=np.float32)
    expected = np.einsum("kd,dhw->khw", components.axes, vectors - components.mean[:, None, None])
    np.testing.assert_allclose(components.scores(vectors), expected, atol=1e-5)


def test_the_sign_is_fixed_and_few_dimensions_are_enough():
    vectors = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32) * (1, 9)
    for turned in (vectors, -vectors):
        found = EmbeddingPCA.fit(turned.astype(np.float32))
        assert found.axes.shape == (3, 2)
        assert (found.axes[:2].max(axis=1) > 0.9).all()
        assert not found.axes[2].any()
        scores = found.scores(turned.T.reshape(2, 20, 10).astype(np.float32))
        picture = found.picture(scores, np.ones((20, 10), bool))
        assert (picture.shape, picture.dtype) == ((20, 10, 3), np.uint8)
        assert picture[..., 0].min() == 0
        assert picture[..., 0].max() == 255


def test_outside_the_field_of_view_is_black(components):
    field = np.zeros((6, 7), bool)
    field[2:] = True
    picture = components.picture(np.zeros((3, 6, 7), np.float32), field)
    assert not picture[:2].any()
    assert picture[2:].all()
