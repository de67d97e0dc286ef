from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.stores.segmenter_files import shipped_segmenters
from napari_localdisc.stores.segmenters import load_segmenter, save_segmenter


@pytest.fixture
def segmenter(segmenter_file):
    return load_segmenter(segmenter_file)


class TestSegment:
    def test_what_comes_back(self, segmenter):
        image = xray_phantom(0, 96).image[:, 10:86]
        found = segmenter.segment(image)
        assert found.labels.shape == found.confidence.shape == (96, 76)
        assert found.labels.dtype == np.uint8
        assert found.confidence.dtype == np.float32
        assert set(np.unique(found.labels)) <= {0, 1}
        assert 0 <= found.confidence.min() <= found.confidence.max() <= 1
        assert 0 <= found.score <= 1

    @pytest.mark.parametrize("name", ["lungs", "optic-cup"])
    def test_probabilities_have_the_image_size_and_agree_with_the_confidence(self, name):
        segmenter = load_segmenter(name)
        found = segmenter.segment(fundus_phantom(1, 128).image[:, 10:106])
        probabilities = found.probabilities
        assert found.targets == segmenter.targets
        assert probabilities.shape == (len(found.targets) + 1, 128, 96)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
        own = np.take_along_axis(probabilities, found.labels[None].astype(int), axis=0)[0]
        np.testing.assert_allclose(own, found.confidence, atol=1e-6)

    def test_probabilities_of_a_stack_and_of_its_blank_plane(self, segmenter):
        planes = np.stack([xray_phantom(seed, 64).image for seed in range(3)])[..., None]
        planes[1] = 7
        probabilities = segmenter.segment(planes).probabilities
        assert probabilities.shape == (3, 2, 64, 64)
        np.testing.assert_array_equal(probabilities[1, 0], 1)
        for index in (0, 2):
            alone = segmenter.segment(planes[index]).probabilities
            np.testing.assert_allclose(probabilities[index], alone, atol=1e-5)

    def test_probabilities_that_were_not_kept(self, segmenter):
        stack = np.stack([xray_phantom(0, 64).image])[..., None]
        for image in (stack, stack[0]):
            found = segmenter.segment(image, keep_probabilities=False)
            assert found.canvas == ()
            with pytest.raises(LocaldiscError, match="keep_probabilities=True"):
                _ = found.probabilities

    @pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (2, 300), (300, 2), (7, 5, 4)])
    def test_any_size(self, segmenter, shape):
        found = segmenter.segment(np.full(shape, 100, np.uint8))
        assert found.labels.shape == shape[:2]
        assert np.isfinite(found.confidence).all()

    def test_traced_borders_lie_on_edges(self):
        segmenter = load_segmenter("lungs")
        found = []
        for on_edges in (False, True):
            segmenter.card = segmenter.card.model_copy(update={"traced": on_edges})
            phantoms = [xray_phantom(seed, 256) for seed in range(3)]
            masks = [segmenter.segment(phantom.image).labels > 0 for phantom in phantoms]
            pairs = zip(masks, phantoms, strict=True)
            found.append(np.mean([dice(mask, phantom.masks["lungs"]) for mask, phantom in pairs]))
        assert found[1] > found[0] + 0.02

    def test_what_lies_out_of_view_does_not_count_for_the_score(self, monkeypatch):
        segmenter = load_segmenter("optic-disc")
        image = fundus_phantom(1, 128).image
        found = segmenter._probabilities

        def sure_of_all_that_is_out_of_view(images):
            probabilities, fields, normalised = found(images)
            everything = torch.zeros_like(probabilities)
            everything[:, 1] = 1
            return torch.where(fields > 0, probabilities, everything), fields, normalised

        before = segmenter.segment(image)
        monkeypatch.setattr(segmenter, "_probabilities", sure_of_all_that_is_out_of_view)
        after = segmenter.segment(image)
        np.testing.assert_array_equal(before.labels, after.labels)
        assert after.score == pytest.approx(before.score, abs=0.03)

    @pytest.mark.parametrize("shape", [(1, 1), (2, 300), (64, 64)])
    def test_nothing_to_trace(self, segmenter, shape):
        segmenter.card = segmenter.card.model_copy(update={"traced": True})
        found = segmenter.segment(np.full(shape, 100, np.uint8))
        assert found.labels.shape == shape

    def test_not_an_image(self, segmenter):
        with pytest.raises(LocaldiscError, match="has shape"):
            segmenter.segment(np.zeros((3, 4, 5, 6)))


class TestFiles:
    @pytest.mark.parametrize("traced", [True, False])
    def test_round_trip_gives_the_same_masks(self, segmenter, tmp_path, traced):
        segmenter.card = segmenter.card.model_copy(update={"traced": traced})
        path = tmp_path / "copy.safetensors"
        save_segmenter(segmenter, path)
        again = load_segmenter(str(path))
        image = xray_phantom(1, 80).image
        first, second = segmenter.segment(image), again.segment(image)
        np.testing.assert_array_equal(first.labels, second.labels)
        np.testing.assert_array_equal(first.confidence, second.confidence)
        assert first.score == second.score
        assert again.targets == ("lungs",)
        assert again.recipe == segmenter.recipe

    @pytest.mark.parametrize("content", [b"", b"text", bytes(range(256)) * 40])
    def test_no_safetensors(self, tmp_path, content):
        path = tmp_path / "wrong.safetensors"
        path.write_bytes(content)
        with pytest.raises(LocaldiscError, match=r"wrong\.safetensors is not a readable segmenter"):
            load_segmenter(path)

    def test_missing(self, tmp_path):
        with pytest.raises(LocaldiscError, match=r"neither shipped .* nor a file"):
            load_segmenter(tmp_path / "none.safetensors")

    def test_encoder(self, encoder_file):
        with pytest.raises(LocaldiscError, match="is of kind 'encoder'"):
            load_segmenter(encoder_file)

    def test_incomplete(self, segmenter, tmp_path):
        path = tmp_path / "part.safetensors"
        header = segmenter.card.model_dump_json()
        metadata = {"napari-localdisc": "segmenter", "header": header}
        save_file({"x": torch.zeros(1)}, path, metadata=metadata)
        with pytest.raises(LocaldiscError, match=r"part\.safetensors is incomplete"):
            load_segmenter(path)
        save_file({"network.x": torch.zeros(1)}, path, metadata=metadata)
        with pytest.raises(LocaldiscError, match=r"part\.safetensors do not fit"):
            load_segmenter(path)


SHIPPED = {
    "lungs": ("lungs",),
    "optic-cup": ("neuroretinal-rim", "optic-cup"),
    "optic-disc": ("optic-disc",),
    "vessels": ("vessels",),
}


class TestShipped:
    def test_names(self):
        assert set(shipped_segmenters()) == set(SHIPPED)

    @pytest.mark.parametrize("name", SHIPPED)
    def test_made_without_a_warning_and_without_anybody_elses_masks(self, name):
        shipped = load_segmenter(name)
        assert shipped.targets == SHIPPED[name]
        assert shipped.warnings == ()
        assert shipped.recipe["prior"] == name

    @pytest.mark.parametrize(
        ("name", "phantom", "least"),
        [
            ("lungs", xray_phantom, 0.8),
            ("optic-disc", fundus_phantom, 0.7),
            ("vessels", fundus_phantom, 0.75),
        ],
    )
    def test_finds_its_structure_in_a_phantom(self, name, phantom, least):
        shown = phantom(3, 256)
        found = load_segmenter(name).segment(shown.image)
        assert dice(found.labels, shown.masks[name]) > least
        assert found.score > 0.5
