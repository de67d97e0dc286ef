"""Segmenter files of earlier versions: an encoder and a head, with a network beside them or not."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import pack_tensors
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.encoder.weights import arrays_of
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.segmenter.pixel_features import features_of, prepare
from napari_localdisc.stores.segmenters import load_segmenter, save_segmenter
from tests.conftest import tiny_encoder

COMPONENTS, HIDDEN, SIZE = 5, 24, 64


@pytest.fixture
def encoder():
    return tiny_encoder()


@pytest.fixture
def former(encoder):
    """Weights as earlier versions named them, beside a network that decides."""
    features = encoder.card.embedding_dim + encoder.card.preprocessing.inputs
    shapes = {
        "whitening": (features, COMPONENTS),
        "head.linear.weight": (2, COMPONENTS, 1, 1),
        "head.linear.bias": (2,),
        "head.inner.weight": (HIDDEN, COMPONENTS, 1, 1),
        "head.inner.bias": (HIDDEN,),
        "head.outer.weight": (2, HIDDEN, 1, 1),
        "head.outer.bias": (2,),
    }
    weights = {name: torch.randn(shape) for name, shape in shapes.items()}
    parts = {"encoder": encoder.network, "refined": SegmentationNet.of(encoder.card, 1)}
    for name, module in parts.items():
        weights |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    return weights


@pytest.fixture
def write(segmenter_file, tmp_path):
    """Write weights under the card of a segmenter."""
    card = load_segmenter(segmenter_file).card

    def to_file(weights, *, refined):
        header = card.model_copy(update={"refined": refined}).model_dump_json()
        path = tmp_path / "former.safetensors"
        path.write_bytes(pack_tensors("segmenter", header, arrays_of(weights)))
        return path

    return to_file


def test_a_network_decides_alone_and_the_rest_is_left_behind(write, former, tmp_path):
    segmenter = load_segmenter(write(former, refined=True))
    own = segmenter.network.state_dict()
    assert {f"refined.{name}" for name in own} < set(former)
    assert all(torch.equal(value, former[f"refined.{name}"]) for name, value in own.items())
    save_segmenter(segmenter, tmp_path / "again.safetensors")
    again = load_segmenter(tmp_path / "again.safetensors")
    image = xray_phantom(1, 80).image
    labels = [each.segment(image).labels for each in (segmenter, again)]
    np.testing.assert_array_equal(*labels)
    assert (tmp_path / "again.safetensors").stat().st_size < 0.7 * write(
        former, refined=True
    ).stat().st_size


def test_a_head_on_whitened_features_decides_as_it_did(write, former, encoder, tmp_path):
    alone = {name: value for name, value in former.items() if not name.startswith("refined")}
    segmenter = load_segmenter(write(alone, refined=False))
    image = xray_phantom(1, SIZE).image
    preprocessing = encoder.card.preprocessing
    inputs, fields = prepare([image], preprocessing, SIZE, torch.device("cpu"))
    features = features_of(inputs, fields, encoder.network)[0].flatten(1)
    white = former["whitening"].T @ features
    plain = {name: value.squeeze() for name, value in former.items() if name.startswith("head")}

    def layer(name, values):
        return plain[f"head.{name}.weight"] @ values + plain[f"head.{name}.bias"][:, None]

    logits = layer("outer", F.relu(layer("inner", white))) + layer("linear", white)
    expected = logits.softmax(dim=0).view(2, SIZE, SIZE)
    for each in (segmenter, saved_again(segmenter, tmp_path)):
        with torch.inference_mode():
            found = each.network(inputs).softmax(dim=1)[0]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def saved_again(segmenter, folder):
    save_segmenter(segmenter, folder / "again.safetensors")
    return load_segmenter(folder / "again.safetensors")


@pytest.mark.parametrize("missing", ["whitening", "head.inner.bias"])
def test_a_head_that_is_not_whole(write, former, missing):
    del former[missing]
    with pytest.raises(LocaldiscError, match=r"former\.safetensors"):
        load_segmenter(write(former, refined=False))
