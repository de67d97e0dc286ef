from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.base.progress import drain
from napari_localdisc.core.evaluation.labelled_sets import LabelledSet, labels_to_canvas
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.evaluation.pixel_vectors import PixelVectors, Source
from napari_localdisc.core.evaluation.probing import BRANCH, ProbeConfig, measure

SIZE = 32


def square(number: int) -> np.ndarray:
    truth = np.zeros((SIZE, SIZE), bool)
    truth[4 + number : 16 + number, 6 : 18 + number] = True
    return truth


def labelled_set(train: int = 3, test: int = 2) -> LabelledSet:
    """Grey squares on a darker ground, with some noise."""
    images = []
    for number in range(train + test):
        noise = np.random.default_rng(number).integers(0, 40, (SIZE, SIZE))
        pixels = (square(number) * 150 + noise).astype(np.uint8)
        images.append(labels_to_canvas(str(number), pixels, square(number), SIZE))
    return LabelledSet("squares", SIZE, "none", tuple(images[:train]), tuple(images[train:]))


def looking(clusters: int = 0) -> Source:
    """A source that sees the grey level, and noise that is the same for the same image."""

    def look(image: np.ndarray) -> PixelVectors:
        grey = image[None].astype(np.float32)
        noise = np.random.default_rng(int(image.sum())).standard_normal((2, SIZE, SIZE))
        found = (image > 100).astype(int) + (np.indices(image.shape)[1] > 20) if clusters else None
        return PixelVectors({"grey": grey, "noise": noise.astype(np.float32)}, found)

    return Source("eye" if clusters else "", look, ("grey", "noise"), ("grey",), clusters, True)


def results(source: Source, config: ProbeConfig | None = None) -> dict:
    found = drain(measure(labelled_set(), source, [2, 4], config or ProbeConfig()))
    return {(one.method, one.vectors): one for one in found}


def test_what_is_told_is_found_and_what_is_not_is_not():
    found = results(looking())
    assert found["probe", "grey"].mean > 0.99
    assert found["probe", "noise"].mean < 0.4
    assert found["union", "k-means (2) on grey"].mean > 0.99
    assert len(found["probe", "grey"].dice) == 2


def test_a_probe_is_the_cut_that_it_says():
    found = results(looking())["probe", "noise"]
    # noise tells nothing, so that the best cut takes nearly everything for the structure
    for number, image in enumerate(labelled_set().test):
        everything = dice(image.field, image.truth)
        assert found.dice[number] == pytest.approx(everything, abs=0.05)


def test_as_many_k_means_clusters_as_the_encoder_has():
    assert [key for key in results(looking(3)) if key[0] == "union"] == [
        ("union", f"{BRANCH} (3)"),
        ("union", "k-means (3) on grey"),
    ]
    assert {key[1] for key in results(looking()) if key[0] == "union"} == {
        "k-means (2) on grey",
        "k-means (4) on grey",
    }


def test_the_union_of_the_branch_is_worked_out_by_hand():
    """Clusters: dark left 0, bright left or dark right 1, bright right 2."""
    found = results(looking(3))["union", f"{BRANCH} (3)"]
    assert sorted(found.found["clusters"]) in ([1], [1, 2])
    expected = []
    for image in labelled_set().test:
        bright, right = image.pixels > 100, np.indices(image.pixels.shape)[1] > 20
        number = bright.astype(int) + right
        expected.append(dice(np.isin(number, found.found["clusters"]), image.truth))
    assert found.dice == pytest.approx(expected)


def test_every_look_is_reported():
    events = []
    drain(measure(labelled_set(), looking(), [2], ProbeConfig(union_images=2)), events.append)
    assert [event.done for event in events] == list(range(1, 3 + 2 + 2 + 1))
    assert {event.total for event in events} == {7}


def test_the_seed_decides():
    config = ProbeConfig(pixels=100, seed=3)
    first, again = (results(looking(), config)["probe", "noise"] for _ in range(2))
    assert first == again
    assert results(looking(), ProbeConfig(pixels=100, seed=4))["probe", "noise"] != first
