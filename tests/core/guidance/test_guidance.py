from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.guidance import preview
from napari_localdisc.core.guidance.expect import posterior
from napari_localdisc.core.guidance.guidance import GuideConfig, guide
from napari_localdisc.core.guidance.start import first_look
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.priors import simulate
from tests.conftest import tiny_encoder


def mean_dice(segmenter, phantoms, target):
    label = segmenter.targets.index(target) + 1
    found = [segmenter.segment(phantom.image).labels == label for phantom in phantoms]
    truth = [phantom.masks[target] for phantom in phantoms]
    return np.mean([dice(mask, wanted) for mask, wanted in zip(found, truth, strict=True)])


@pytest.fixture(scope="module")
def lungs():
    return simulate("lungs", 4, size=64)


@pytest.fixture(scope="module")
def xrays():
    return [xray_phantom(seed, 64 + 8 * seed).image for seed in range(3)]


class TestWhatIsFound:
    def test_both_lungs_by_side(self):
        phantoms = [xray_phantom(seed, 128) for seed in range(5)]
        prior = simulate("lungs-left-right", 8)
        effort = {"size": 128, "starts": 4, "refine_steps": 60}
        config = GuideConfig.quick().model_copy(update=effort)
        images = [phantom.image for phantom in phantoms]
        guidance = drain(guide(images, prior, load_encoder("chest-xray"), config))
        assert guidance.segmenter.targets == ("right-lung", "left-lung")
        assert guidance.segmenter.card.traced
        assert guidance.stages[-1].stage == "refine, traced" == guidance.segmenter.recipe["kept"]
        assert mean_dice(guidance.segmenter, phantoms, "right-lung") > 0.7
        assert mean_dice(guidance.segmenter, phantoms, "left-lung") > 0.7
        assert np.isfinite(guidance.kl)

    def test_optic_discs(self):
        phantoms = [fundus_phantom(seed, 128) for seed in range(4)]
        config = GuideConfig.quick().model_copy(update={"size": 128, "starts": 6})
        images = [phantom.image for phantom in phantoms]
        prior = simulate("optic-disc", 8)
        guidance = drain(guide(images, prior, load_encoder("fundus"), config))
        assert mean_dice(guidance.segmenter, phantoms, "optic-disc") > 0.75


class TestRun:
    def test_the_seed_decides(self, xrays, lungs, effort):
        runs = [drain(guide(xrays, lungs, tiny_encoder(), effort)) for _ in range(2)]
        masks = [run.segmenter.segment(xrays[0]).labels for run in runs]
        np.testing.assert_array_equal(*masks)
        assert runs[0].kl == runs[1].kl

    def test_stages_and_previews_in_order(self, xrays, lungs, effort):
        events = []
        guidance = drain(guide(xrays, lungs, tiny_encoder(), effort), events.append)
        stages = list(dict.fromkeys(event.stage for event in events))
        assert stages == ["embed", "align", "trace", "preview", "refine"]
        previews = [event.payload for event in events if event.payload is not None]
        assert len(previews) >= 2
        for shown in previews:
            assert shown.shape == xrays[0].shape
            assert shown.dtype == np.uint8
        assert [report.stage for report in guidance.stages] == [
            "start",
            "refine",
            "refine, traced",
        ]
        assert all(0 <= event.done <= event.total for event in events)

    def test_curvilinear_targets_are_searched_and_denoised(self, effort):
        images = [fundus_phantom(seed, 64).image for seed in range(2)]
        events = []
        prior = simulate("vessels", 3)
        drain(guide(images, prior, tiny_encoder(3), effort), events.append)
        assert {"search", "denoise", "refine"} <= {event.stage for event in events}
        searched = [event for event in events if event.stage == "search"]
        screened = [event.values["kl"] for event in searched if event.message == "screening"]
        assert screened
        assert screened == sorted(screened, reverse=True)
        assert len(searched) == searched[-1].done == searched[-1].total

    @pytest.mark.parametrize(
        ("few", "limit", "other"),
        [(2, "_LOOK_ALIKE", "_CONVINCING_KL"), (3, "_CONVINCING_KL", "_LOOK_ALIKE")],
    )
    @pytest.mark.parametrize(("enough", "searches"), [(float("inf"), 1), (-float("inf"), 2)])
    def test_a_hopeless_search_is_begun_again(
        self, monkeypatch, effort, few, limit, other, enough, searches
    ):
        monkeypatch.setattr(posterior, "_FEW", few)
        monkeypatch.setattr(posterior, limit, enough)
        monkeypatch.setattr(posterior, other, -enough)
        twice = effort.model_copy(update={"searches": 2})
        images = [fundus_phantom(seed, 64).image for seed in range(2)]
        events = []
        drain(guide(images, simulate("vessels", 3), tiny_encoder(3), twice), events.append)
        searched = [event for event in events if event.stage == "search"]
        assert [event.done for event in searched].count(1) == searches

    @pytest.mark.parametrize("structure", ["lungs", "vessels"])
    def test_every_stage_shows_itself_and_is_not_changed_by_that(
        self, monkeypatch, effort, structure
    ):
        images = [fundus_phantom(seed, 64).image for seed in range(2)]
        prior = simulate(structure, 3)
        seldom = drain(guide(images, prior, tiny_encoder(3), effort))
        monkeypatch.setattr(preview, "_REST", 0.0)
        monkeypatch.setattr(preview, "_COST", float("inf"))
        events = []
        often = drain(guide(images, prior, tiny_encoder(3), effort), events.append)
        shown = {one.stage for one, then in pairwise(events) if then.stage == "preview"}
        started = {"trace"} if structure == "lungs" else {"search", "denoise"}
        assert started | {"refine"} <= shown
        assert often.stages == seldom.stages
        for image in images:
            masks = [run.segmenter.segment(image).labels for run in (often, seldom)]
            np.testing.assert_array_equal(*masks)

    def test_can_be_closed_midway(self, xrays, lungs, effort):
        run = guide(xrays, lungs, tiny_encoder(), effort)
        while next(run).stage != "refine":
            pass
        run.close()
        with pytest.raises(StopIteration):
            next(run)

    def test_one_image_of_another_shape(self, lungs, effort):
        image = xray_phantom(0, 96).image[:, 8:88]
        guidance = drain(guide([image], lungs, tiny_encoder(), effort))
        assert guidance.segmenter.segment(image).labels.shape == (96, 80)

    def test_only_so_many_images_guide(self, xrays, lungs, effort):
        few = effort.model_copy(update={"max_images": 2})
        guidance = drain(guide(xrays, lungs, tiny_encoder(), few))
        assert guidance.segmenter.recipe["images"] == 2

    @pytest.mark.parametrize("seed", range(4))
    def test_the_preview_is_of_the_first_image_given(self, xrays, lungs, effort, seed):
        images = [xray_phantom(9, 96).image, *xrays]
        few = effort.model_copy(update={"max_images": 2, "seed": seed})
        run = guide(images, lungs, tiny_encoder(), few)
        preview = next(event.payload for event in run if event.stage == "preview")
        assert preview.shape == (96, 96)

    def test_recipe_says_how(self, xrays, lungs, effort):
        recipe = drain(guide(xrays, lungs, tiny_encoder(), effort)).segmenter.recipe
        assert recipe["prior"] == "lungs"
        assert recipe["encoder"] == "tiny"
        assert GuideConfig.model_validate(recipe["guidance"]) == effort

    def test_recipes_of_earlier_versions_are_read(self):
        old = GuideConfig(denoise_steps=7).model_dump()
        old["restore_steps"] = old.pop("denoise_steps")
        old |= {"heads": 3, "head_steps": 80, "kl": 0.05, "region": 0.1, "rounds": 1}
        assert GuideConfig.model_validate(old) == GuideConfig(denoise_steps=7)


class TestFewImages:
    @pytest.mark.parametrize("count", [1, 2])
    def test_one_alone_is_warned_of(self, xrays, lungs, effort, count):
        warnings = drain(guide(xrays[:count], lungs, tiny_encoder(), effort)).warnings
        assert any("one image alone" in warning for warning in warnings) == (count == 1)


class TestErrors:
    def test_no_image(self, lungs, effort):
        with pytest.raises(LocaldiscError, match="at least one image"):
            drain(guide([], lungs, tiny_encoder(), effort))

    def test_not_an_image(self, lungs, effort):
        with pytest.raises(LocaldiscError, match="has shape"):
            drain(guide([np.zeros((4, 4, 7))], lungs, tiny_encoder(), effort))

    def test_blank_images_give_a_result_or_a_sentence(self, lungs, effort):
        blank = [np.zeros((64, 64), np.uint8)] * 2
        guidance = drain(guide(blank, lungs, tiny_encoder(), effort))
        assert guidance.warnings


class TestFirstLook:
    def test_many_images_are_looked_at_briefly_first(self, lungs, effort):
        images = [xray_phantom(seed, 64).image for seed in range(9)]
        events = []
        anywhere = effort.model_copy(update={"place": "free"})
        for event in guide(images, lungs, tiny_encoder(), anywhere):
            events.append(event)
            if event.stage == "preview":
                break
        assert events[-1].message == "first look"
        assert events[-1].payload.any()
        assert events[-1].payload.shape == images[0].shape
        assert [event.total for event in events if event.stage == "embed"] == [4] * 4

    def test_curvilinear_targets_are_looked_for_in_one_image(self, effort):
        first = fundus_phantom(0, 256)
        images = [first.image, *(fundus_phantom(seed, 64).image for seed in range(1, 9))]
        config = effort.model_copy(update={"size": 256})
        events = []
        for event in guide(images, simulate("vessels", 3), load_encoder("fundus"), config):
            events.append(event)
            if event.stage == "preview":
                break
        assert events[-1].message == "first look"
        # Worth a look: nothing has been trained yet.
        assert dice(events[-1].payload > 0, first.masks["vessels"]) > 0.45
        assert [event.total for event in events if event.stage == "embed"] == [1]

    def test_it_changes_nothing(self, monkeypatch, lungs, effort):
        images = [xray_phantom(seed, 64).image for seed in range(9)]
        looked = drain(guide(images, lungs, tiny_encoder(), effort))
        monkeypatch.setattr(first_look, "_IMAGES", 9)
        events = []
        straight = drain(guide(images, lungs, tiny_encoder(), effort), events.append)
        assert all(event.message != "first look" for event in events)
        assert straight.stages == looked.stages


def test_the_callers_random_numbers_of_torch_are_left_alone(xrays, lungs, effort):
    encoder = tiny_encoder()
    before = torch.get_rng_state()
    drain(guide(xrays, lungs, encoder, effort))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_canvas_that_does_not_fit_the_encoder_is_made_to_fit(xrays, lungs, effort):
    encoder = load_encoder("chest-xray")
    odd = effort.model_copy(update={"size": 104, "place": "free"})
    guidance = drain(guide(xrays, lungs, encoder, odd))
    assert guidance.segmenter.card.size >= 104
    assert guidance.segmenter.card.size % encoder.card.stride == 0
