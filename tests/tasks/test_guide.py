"""Guidance is the same in every way that it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch.run_files import RunOptions
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.encoder.untrained import untrained_encoder
from napari_localdisc.core.priors import simulate
from napari_localdisc.datasets.sample import Sample
from napari_localdisc.stores.references import prepare_references, vary_drawn
from napari_localdisc.stores.segmenters import segmenter_digest
from napari_localdisc.tasks import guide as task
from napari_localdisc.tasks.encoder import EncoderChoice, HeldEncoder, choose_by_files
from napari_localdisc.tasks.guide import guide_on_files, guide_on_planes, segment_planes
from napari_localdisc.tasks.planes import ArrayPlane
from napari_localdisc.tasks.segment_folder import FolderOutput, segment_by_prior
from tests.conftest import tiny_encoder


@pytest.fixture
def prior():
    return simulate("lungs", 4, size=64)


def test_prior_and_encoder_are_taken_by_name_or_in_memory(xray_files, encoder_file, effort):
    by_name = drain(guide_on_files(xray_files, "lungs", encoder_file, effort, "cpu", 4))
    prior, encoder = simulate("lungs", 4), load_encoder(encoder_file)
    in_memory = drain(guide_on_files(xray_files, prior, encoder, effort, torch.device("cpu")))
    assert segmenter_digest(by_name.segmenter) == segmenter_digest(in_memory.segmenter)
    assert by_name.held.name == str(encoder_file)
    assert in_memory.held.encoder is encoder
    assert by_name.paths == tuple(xray_files)


def test_files_and_arrays_give_the_same(xray_files, prior, effort):
    encoder = tiny_encoder()
    files = [path for path in xray_files if path.name == "xray-0.png"]  # 64 px: not scaled down
    images = [np.asarray(PIL.Image.open(path)) for path in files]
    by_files = drain(guide_on_files(files, prior, encoder, effort, "cpu"))
    by_arrays = drain(guide_on_planes(images, prior, encoder, effort, "cpu"))
    assert segmenter_digest(by_files.segmenter) == segmenter_digest(by_arrays.segmenter)


def test_what_is_used_is_told(xray_files, prior, effort):
    events = []
    xray_files[1].write_text("no image")
    guided = drain(guide_on_files(xray_files, prior, tiny_encoder(), effort, "cpu"), events.append)
    assert "encoder: tiny (phantoms)" in [one.message for one in events if one.stage == "note"]
    [sample] = [one.payload for one in events if isinstance(one.payload, Sample)]
    assert sample.paths == guided.paths == (xray_files[0], xray_files[2])
    [line] = guided.passed_over
    assert str(xray_files[1]) in line
    previews = [one.payload for one in events if one.stage == "preview"]
    assert previews[-1].shape == guided.first.shape == (64, 64)


def test_of_many_planes_the_first_and_some_others_guide(prior, effort):
    read = []

    class Plane(ArrayPlane):
        def pixels(self):
            read.append(self.name)
            return super().pixels()

    rng = np.random.default_rng(0)
    planes = [Plane(rng.integers(0, 255, (64, 64), np.uint8), str(n)) for n in range(6)]
    config = effort.model_copy(update={"max_images": 2})
    guided = drain(guide_on_planes(planes, prior, tiny_encoder(), config, "cpu"))
    assert read == [str(number) for number in config.draw(6)]
    found = drain(segment_planes(planes[:2], guided.segmenter, "cpu"))
    wanted = guided.segmenter.segment(planes[1].array).labels
    np.testing.assert_array_equal(found[1].labels, wanted)


def test_no_image_is_one_sentence(prior, effort):
    with pytest.raises(LocaldiscError, match="at least one image"):
        drain(guide_on_planes([], prior, tiny_encoder(), effort, "cpu"))


def test_an_encoder_in_memory_is_not_loaded_again(xray_files, encoder_file):
    held = HeldEncoder(str(encoder_file), tiny_encoder())
    chosen = drain(choose_by_files(EncoderChoice(str(encoder_file), held), xray_files))
    assert chosen is held
    suited = HeldEncoder("chest-xray", tiny_encoder())
    assert drain(choose_by_files(EncoderChoice("auto", suited), xray_files)) is suited
    assert drain(choose_by_files(EncoderChoice("fundus", held), xray_files)) is not held


def test_a_random_encoder_has_the_shape_of_the_suited_one_and_its_seed(xray_files):
    first, again, other = (
        drain(choose_by_files("random", xray_files, seed)).encoder for seed in (0, 0, 1)
    )
    trained = load_encoder("chest-xray")
    assert first.card.widths == trained.card.widths
    assert (first.card.name, first.card.training_sets, first.card.probes) == ("random", (), {})
    weights = [next(iter(one.network.parameters())) for one in (first, again, other, trained)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])


def test_a_random_encoder_leaves_the_generator_of_torch_alone():
    card = tiny_encoder().card
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    untrained_encoder(card, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_references_are_prepared_from_whatever_they_are(tmp_path: Path, prior):
    assert drain(prepare_references(prior)) is prior
    assert len(drain(prepare_references("lungs", 3))) == 3
    drawn = list(prior.masks[:2])
    varied = drain(vary_drawn(drawn, "drawn", ("lungs",), 5, 0))
    assert (len(varied), varied.targets) == (5, ("lungs",))
    assert len(drain(vary_drawn(drawn, "drawn", ("lungs",), 1, 0))) == 2


def test_a_folder_is_guided_for_once(xray_files, prior, effort, tmp_path: Path, monkeypatch):
    def run(**more):
        output = FolderOutput(tmp_path / "out", "cpu", **more)
        return drain(segment_by_prior(xray_files, prior, output, tiny_encoder(), effort))

    first = run()
    assert len(first.report.done) == 3
    monkeypatch.setattr(task, "guide", lambda *_: pytest.fail("guided again"))
    again = run()
    assert len(again.report.kept) == 3
    assert segmenter_digest(again.segmenter) == segmenter_digest(first.segmenter)
    with pytest.raises(pytest.fail.Exception):
        effort = effort.model_copy(update={"seed": 1})
        run(run_options=RunOptions(overwrite=True))
