"""Tiled embedding agrees with untiled; cluster maps describe the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.encoder.embedding import TOLERANCE, embed, embedding_picture
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.encoder.network import UNet
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from tests.conftest import tiny_encoder


@pytest.mark.parametrize("shape", [(200, 256), (131, 77), (256, 256)])
@pytest.mark.parametrize("tile", [64, 96])
def test_tiled_equals_untiled(shape: tuple[int, int], tile: int) -> None:
    image = xray_phantom(3, 256).image[: shape[0], : shape[1]]
    encoder = load_encoder("chest-xray")
    whole = drain(embed(image, encoder, tile=512))
    tiled = drain(embed(image, encoder, tile=tile))
    assert whole.shape == (encoder.card.embedding_dim, *shape)
    np.testing.assert_allclose(tiled, whole, atol=TOLERANCE)


def test_vectors_have_unit_length_and_memberships_sum_to_one() -> None:
    image = fundus_phantom(1, 160).image
    found = drain(cluster_map(image, load_encoder("fundus")))
    np.testing.assert_allclose(np.linalg.norm(found.embedding, axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(found.memberships.sum(axis=0), 1, atol=1e-4)
    assert found.labels[0, 0] == 0, "the corner of a fundus image is outside the field of view"
    table = found.table()
    assert sum(table["area"]) == pytest.approx(1)
    assert all(0 <= value <= 1 for value in table["compactness"])


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5)])
def test_tiny_images_are_embedded(shape: tuple[int, int]) -> None:
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert drain(embed(image, load_encoder("chest-xray"))).shape[1:] == shape


def test_progress_counts_tiles_and_can_be_closed() -> None:
    run = embed(xray_phantom(0, 256).image, load_encoder("chest-xray"), tile=64)
    first = next(run)
    assert (first.stage, first.done, first.total) == ("embed", 1, 16)
    run.close()


def test_picture_shows_what_differs() -> None:
    embedding = np.zeros((4, 8, 8), np.float32)
    embedding[0, :, :4] = 1
    embedding[1, :, 4:] = 1
    picture = embedding_picture(embedding)
    assert picture.shape == (8, 8, 3)
    assert picture[0, 0].tolist() != picture[0, 7].tolist()


class TestShortOfMemory:
    @pytest.fixture
    def small_card(self, monkeypatch):
        """A device that has no room for pieces wider than some pixels."""

        def small_card(most):
            body = UNet.parts

            def parts(self, x):
                if x.shape[-1] > most:
                    raise torch.OutOfMemoryError
                return body(self, x)

            monkeypatch.setattr(UNet, "parts", parts)

        return small_card

    def test_tiles_are_halved_until_they_fit(self, small_card):
        image, encoder = xray_phantom(0, 512).image, tiny_encoder()
        whole = drain(embed(image, encoder))
        small_card(400)
        events = []
        tiled = drain(embed(image, encoder), events.append)
        np.testing.assert_allclose(tiled, whole, atol=TOLERANCE)
        said = [event.message for event in events if event.message]
        assert said == ["Out of memory: trying again with tiles of 256 pixels"]

    def test_the_end_is_a_sentence(self, small_card):
        small_card(0)
        with pytest.raises(LocaldiscError, match="no memory left for a tile of 64 pixels"):
            drain(embed(xray_phantom(0, 512).image, tiny_encoder()))
