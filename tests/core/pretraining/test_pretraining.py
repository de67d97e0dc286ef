from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import encoder_digest, load_encoder, save_encoder
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.pretraining.objectives import OBJECTIVES
from napari_localdisc.core.pretraining.pretraining import (
    CollapseError,
    PretrainConfig,
    curve_columns,
    pretrain,
)
from napari_localdisc.core.pretraining.sampling.image_pool import fill_pool
from napari_localdisc.core.pretraining.trainer import Trainer
from napari_localdisc.core.pretraining.training_state import TrainingState
from tests.conftest import tiny_encoder

CONFIG = PretrainConfig(
    steps=6,
    images=2,
    crops=2,
    crop=32,
    scales=(1.0, 0.5),
    assignment=0.5,
    across=0.25,
    recall=0.5,
    warmup=0.3,
)
EARLY = ("patch", "mixup", "across", "detail", "recall", "assignment")
KINDS = ["a", "b", "b", "a"]


@pytest.fixture(scope="module")
def images():
    return [xray_phantom(seed, 64 + 16 * seed).image for seed in range(4)]


class Memory:
    """Keeps every snapshot, as text and tensors: what a file would hold."""

    def __init__(self) -> None:
        self.states: dict[int, TrainingState] = {}

    def due(self, step: int) -> bool:
        return step % 2 == 0

    def save(self, state: TrainingState) -> None:
        plain = json.loads(json.dumps([state.recipe, state.plain]))
        kept = TrainingState(plain[0], state.step, state.seconds, plain[1], state.tensors)
        self.states[state.step] = kept


def trained(images, config=CONFIG, card=None, **options):
    """Train; return the encoder and the events of its steps."""
    steps = []
    run = pretrain(images, card or tiny_encoder().card, config, classes=KINDS, **options)
    encoder = drain(run, lambda event: event.stage == "pretrain" and steps.append(event))
    return encoder, steps


def same(one, other) -> bool:
    pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class TestPretrain:
    def test_reports_every_step_and_gives_an_encoder(self, images, tmp_path):
        card = tiny_encoder().card
        encoder, steps = trained(images)
        assert [event.done for event in steps] == [1, 2, 3, 4, 5, 6]
        assert set(steps[0].values) == {"loss", *EARLY, "learning_rate"}
        assert {"region", "entropy", "balance", "clusters", "spread"} < set(steps[-1].values)
        assert set(steps[-1].values) == set(curve_columns(CONFIG)) - {"codes"}
        for event in steps:
            assert all(math.isfinite(value) for value in event.values.values())
        assert 1 <= steps[-1].values["clusters"] <= card.clusters
        training = encoder.card.training
        assert (training["steps"], training["images_used"], training["device"]) == (6, 4, "cpu")
        assert (training["objective"], training["precision"]) == ("local-discrimination", "float32")
        assert training["health"]["spread"] == pytest.approx(steps[-1].values["spread"], abs=1e-4)
        save_encoder(encoder, tmp_path / "new.safetensors")
        assert load_encoder(tmp_path / "new.safetensors").card == encoder.card

    def test_the_loss_is_the_weighted_sum_of_its_terms(self, images):
        weights = {"across": 0.5, "detail": 0.6, "recall": 0.3, "assignment": 0.2, "region": 2.0}
        weights |= {"codes": 0.8, "agreement": 0.4, "entropy": 0.3, "balance": 0.7}
        config = CONFIG.model_copy(update=weights)
        _, steps = trained(images, config, teacher=tiny_encoder(seed=1))
        weights |= {"patch": 1.0, "mixup": 1.0}
        for event in steps:
            total = sum(weights[name] * event.values.get(name, 0) for name in weights)
            assert event.values["loss"] == pytest.approx(total, rel=1e-5)
            assert f"loss {event.values['loss']:.3f}" in event.message
            assert all(
                f"{name} {event.values[name]:.3f}" in event.message
                for name in event.values
                if name in weights
            )

    def test_crops_must_fit_the_levels(self, images):
        card = tiny_encoder().card.model_copy(update={"widths": (4, 4, 4, 4, 4, 4)})
        with pytest.raises(LocaldiscError, match="multiple of 32 and at least 64, got 32"):
            trained(images, card=card)

    def test_clusters_are_settled_in_the_end(self, images):
        settled, steps = trained(images)
        learned, before = trained(images, CONFIG.model_copy(update={"settled": "off"}))
        one, other = (encoder.network.state_dict() for encoder in (settled, learned))
        changed = {name for name in one if not torch.equal(one[name], other[name])}
        assert {name.split(".")[0] for name in changed} == {"clustering"}
        assert steps[-1].values["loss"] == before[-1].values["loss"]
        # What is told of the encoder is told of it as it is in the end.
        entropies = [event[-1].values["membership_entropy"] for event in (steps, before)]
        assert entropies[0] != pytest.approx(entropies[1], abs=1e-3)
        told = settled.card.training["health"]["membership_entropy"]
        assert told == pytest.approx(entropies[0], abs=1e-4)

    def test_clusters_can_be_settled_by_what_the_decoder_made_alone(self, images):
        config = CONFIG.model_copy(update={"settled": "decoder"})
        network = trained(images, config)[0].network
        body = network.body
        decoded = body.decoded(torch.arange(body.features)[None, :, None, None]).flatten()
        others = torch.ones(body.features, dtype=torch.bool)
        others[decoded] = False
        inner = network.clustering[0].weight
        assert inner[:, decoded].abs().max() > 0
        assert inner[:, others].abs().max() == 0

    def test_settled_clusters_can_be_merged_of_small_ones(self, images):
        config = CONFIG.model_copy(update={"merged": 40})
        encoder, steps = trained(images, config)
        usual = trained(images)[0]
        one, other = (found.network.state_dict() for found in (encoder, usual))
        changed = {name for name in one if not torch.equal(one[name], other[name])}
        assert {name.split(".")[0] for name in changed} == {"clustering"}
        assert encoder.card.training["merged"] == 40
        assert steps[-1].values["clusters"] > 1

    def test_clusters_are_not_merged_of_fewer(self, images):
        config = CONFIG.model_copy(update={"merged": 2})
        with pytest.raises(LocaldiscError, match="2 small clusters cannot be merged to"):
            trained(images, config)

    def test_settling_leaves_the_network_in_training(self, images):
        card = tiny_encoder().card
        pool = drain(fill_pool(images, range(len(images)), card))
        trainer = Trainer(pool, card, CONFIG, torch.device("cpu"), None, {})
        drain(trainer.fit_kmeans_head())
        assert trainer.training_step.network.training

    def test_the_seed_decides(self, images):
        (first, _), (again, _), (other, _) = (
            trained(images, CONFIG.model_copy(update={"seed": seed})) for seed in (0, 0, 1)
        )
        assert same(first, again)
        assert not same(first, other)

    def test_neither_disturbs_chance_around_it_nor_is_disturbed(self, images):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        card = tiny_encoder().card
        run = pretrain(images, card, CONFIG)
        disturbed = drain(run, lambda event: torch.manual_seed(event.done))
        calm, _ = trained(images)
        assert same(disturbed, calm)
        torch.manual_seed(5)
        trained(images, card=card)
        assert torch.equal(torch.rand(3), expected)
        assert not torch.are_deterministic_algorithms_enabled()

    def test_learns(self, images):
        update = {"steps": 60, "warmup": 1.0, "crops": 4, "learning_rate": 0.005}
        config = CONFIG.model_copy(update=update)
        card = tiny_encoder().card.model_copy(update={"widths": (8, 8), "embedding_dim": 8})
        _, steps = trained(images, config, card)
        patch = [event.values["patch"] for event in steps]
        assert np.mean(patch[-5:]) < 0.9 * np.mean(patch[:5])

    def test_colour_and_grey_images_together(self, images):
        mixed = [fundus_phantom(0, 64).image, images[0], fundus_phantom(1, 64).image]
        card = tiny_encoder(3).card.model_copy(update={"field_of_view": True})
        encoder = drain(pretrain(mixed, card, CONFIG.model_copy(update={"steps": 1})))
        assert encoder.card.channels == 3

    def test_a_random_part_of_many_images_is_used(self, images):
        config = CONFIG.model_copy(update={"max_images": 3, "steps": 1})
        assert trained(images, config)[0].card.training["images_used"] == 3

    def test_a_working_size_that_fits_no_stride(self, images):
        card = tiny_encoder().card.model_copy(update={"working_size": 71})
        assert trained(images, card=card)[0].card.working_size == 71

    def test_a_loss_that_is_no_number_is_told(self, images):
        config = CONFIG.model_copy(update={"learning_rate": 1e30, "steps": 20})
        with pytest.raises(LocaldiscError, match=r"no longer a number at step .* smaller learning"):
            trained(images, config)


class TestTeacher:
    def test_is_told_better_as_training_goes_on(self, images):
        update = {"steps": 60, "crops": 4, "learning_rate": 0.01}
        card = tiny_encoder().card.model_copy(update={"widths": (8, 8)})
        teacher = tiny_encoder(seed=1)
        encoder, steps = trained(images, CONFIG.model_copy(update=update), card, teacher=teacher)
        codes = [event.values["codes"] for event in steps]
        assert np.mean(codes[-5:]) < 0.7 * np.mean(codes[:5])
        named = encoder.card.training["teacher"]
        assert named == teacher.card.identity | {"digest": encoder_digest(teacher)}

    def test_codebooks_of_it_are_told_better_as_training_goes_on(self, images):
        update = {"steps": 60, "crops": 4, "learning_rate": 0.01}
        update |= {"codebooks": (3, 6), "superpixels": 4.0}
        card = tiny_encoder().card.model_copy(update={"widths": (8, 8)})
        config = CONFIG.model_copy(update=update)
        encoder, steps = trained(images, config, card, teacher=tiny_encoder(seed=1))
        codes = [event.values["codes"] for event in steps]
        assert np.log(4) < codes[0]
        assert np.mean(codes[-5:]) < 0.85 * np.mean(codes[:5])
        assert encoder.card.training["codebooks"] == [3, 6]

    def test_is_needed_for_codebooks(self, images):
        with pytest.raises(LocaldiscError, match="codebooks are of a teacher's features; name a"):
            trained(images, CONFIG.model_copy(update={"codebooks": (3,)}))

    def test_is_not_changed(self, images):
        teacher = tiny_encoder(seed=1)
        trained(images, teacher=teacher)
        assert encoder_digest(teacher) == encoder_digest(tiny_encoder(seed=1))

    def test_a_resumed_training_must_have_the_same(self, images):
        memory = Memory()
        whole, _ = trained(images, checkpoints=memory, teacher=tiny_encoder(seed=1))
        state = memory.states[2]
        assert same(whole, trained(images, resume=state, teacher=tiny_encoder(seed=1))[0])
        for other in (None, tiny_encoder(seed=2)):
            with pytest.raises(LocaldiscError, match="another run: teacher was"):
                trained(images, resume=state, teacher=other)

    def test_a_resumed_training_finds_the_same_codebooks(self, images):
        memory, config = Memory(), CONFIG.model_copy(update={"codebooks": (2, 4)})
        teacher = tiny_encoder(seed=1)
        whole, _ = trained(images, config, checkpoints=memory, teacher=teacher)
        resumed, _ = trained(images, config, resume=memory.states[2], teacher=teacher)
        assert same(whole, resumed)
        told = r"another run: codebooks was \[2, 4\] and is \[\]"
        with pytest.raises(LocaldiscError, match=told):
            trained(images, resume=memory.states[2], teacher=teacher)

    def test_of_another_modality_is_refused(self, images):
        with pytest.raises(LocaldiscError, match="sees 3 channels and the images have 1"):
            trained(images, teacher=tiny_encoder(3))

    def test_is_of_no_use_to_baselines(self, images):
        config = CONFIG.model_copy(update={"objective": "supervised"})
        with pytest.raises(LocaldiscError, match="supervised objective has no use for a teacher"):
            trained(images, config, teacher=tiny_encoder())


class TestTooFewImages:
    def test_for_anything(self, images):
        for few in ([], images[:1]):
            with pytest.raises(LocaldiscError, match=f"at least 2 images, got {len(few)}"):
                drain(pretrain(few, tiny_encoder().card, CONFIG))

    def test_for_a_batch_of_different_images(self, images):
        config = CONFIG.model_copy(update={"objective": "invariant-spreading", "crops": 5})
        with pytest.raises(LocaldiscError, match=r"at least 5 images, got 4; .* fewer crops"):
            drain(pretrain(images, tiny_encoder().card, config))

    @pytest.mark.parametrize("classes", [None, ["a"] * 4])
    def test_for_classes(self, images, classes):
        config = CONFIG.model_copy(update={"objective": "supervised"})
        with pytest.raises(LocaldiscError, match="at least 2 classes"):
            drain(pretrain(images, tiny_encoder().card, config, classes=classes))


class TestResume:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    @pytest.mark.parametrize("at", [2, 4])
    def test_goes_on_as_if_it_had_never_stopped(self, images, objective, at):
        config = CONFIG.model_copy(update={"objective": objective})
        memory = Memory()
        whole, steps = trained(images, config, checkpoints=memory)
        torch.manual_seed(99)
        resumed, rest = trained(images, config, resume=memory.states[at])
        assert same(whole, resumed)
        assert [event.values for event in rest] == [event.values for event in steps[at:]]
        before, after = (e.card.training | {"seconds": 0} for e in (whole, resumed))
        assert before == after

    def test_nothing_is_kept_of_a_finished_run(self, images):
        memory = Memory()
        trained(images, checkpoints=memory)
        assert list(memory.states) == [2, 4]

    def test_snapshots_do_not_change_later(self, images):
        memory = Memory()
        trained(images, checkpoints=memory)
        early, late = (memory.states[step].tensors for step in (2, 4))
        name = "state/network/body.down.0.0.weight"
        assert not torch.equal(early[name], late[name])

    def test_the_optimiser_keeps_its_layout(self, images):
        # As fast after a resumption as before.
        memory = Memory()
        trained(images, checkpoints=memory)
        from napari_localdisc.core.pretraining import trainer as module

        card = tiny_encoder().card
        run = pretrain(images, card, CONFIG, resume=memory.states[4])
        while next(run).stage != "pretrain":
            pass
        training = run.gi_frame.f_locals["trainer"]
        assert isinstance(training, module.Trainer)
        for parameter, moments in training.optimiser.state.items():
            assert moments["exp_avg"].stride() == parameter.stride()

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"steps": 7}, "steps was 6 and is 7"),
            ({"seed": 1, "objective": "supervised"}, "objective was local-discrimination and is"),
            ({"tau": 0.2}, "tau was 0.1 and is 0.2"),
        ],
    )
    def test_other_settings_are_refused(self, images, change, named):
        memory = Memory()
        trained(images, checkpoints=memory)
        with pytest.raises(LocaldiscError, match=named):
            trained(images, CONFIG.model_copy(update=change), resume=memory.states[2])

    def test_other_images_are_refused_by_name(self, images):
        memory = Memory()
        names = ["w", "x", "y", "z"]
        trained(images, checkpoints=memory, names=names)
        changed = [*images[:3], images[3] // 2]
        for others, called, named in (
            (changed, names, "z has changed"),
            (images, ["w", "x", "y", "q"], "z is missing, q is new"),
            (images[:3], names[:3], "z is missing"),
        ):
            with pytest.raises(LocaldiscError, match=f"of another run: {named}; go on with"):
                trained(others, resume=memory.states[2], names=called)

    def test_another_card_is_refused(self, images):
        memory = Memory()
        trained(images, checkpoints=memory)
        card = tiny_encoder().card.model_copy(update={"clusters": 5})
        with pytest.raises(LocaldiscError, match="clusters was 3 and is 5"):
            trained(images, card=card, resume=memory.states[2])


class TestPictures:
    def test_come_when_wanted_and_at_the_end(self, images):
        events = []
        config = CONFIG.model_copy(update={"steps": 5})
        run = pretrain(images, tiny_encoder().card, config, picture_every=2)
        drain(run, events.append)
        pictures = [event for event in events if event.stage == "picture"]
        assert [event.done for event in pictures] == [2, 4, 5]
        preview = pictures[-1].payload
        assert len(preview.images) == len(preview.clusters) == len(preview.embeddings) == 4
        for image, labels, colours in zip(
            preview.images, preview.clusters, preview.embeddings, strict=True
        ):
            assert image.shape[:2] == labels.shape == colours.shape[:2] == (64, 64)
            assert 1 <= labels.min() <= labels.max() <= 3

    def test_do_not_change_the_result(self, images):
        assert same(trained(images)[0], trained(images, picture_every=1)[0])


class TestCollapse:
    @pytest.fixture
    def alike(self):
        """Images without anything in them: all there is to learn is that all is the same."""
        return [np.full((64, 64), 90 + 10 * index, np.uint8) for index in range(4)]

    def test_is_told_while_it_runs_and_at_the_end(self, alike):
        events = []
        config = CONFIG.model_copy(update={"steps": 50, "warmup": 0.1, "balance": 0.0})
        with pytest.raises(CollapseError, match=r"collapsed.* more varied images"):
            drain(pretrain(alike, tiny_encoder().card, config), events.append)
        warnings = [event for event in events if event.stage == "warn"]
        assert warnings
        assert warnings[0].message.startswith("step ")

    def test_a_few_steps_are_no_collapse(self, alike):
        encoder = drain(pretrain(alike, tiny_encoder().card, CONFIG))
        assert encoder.card.training["warnings"] == []
