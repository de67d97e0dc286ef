from __future__ import annotations

import json

import pytest
import torch

from napari_localdisc.core.pretraining.training_state import differences, pack, unpack


def test_nested_values_survive_json():
    value = {
        "tensors": [torch.arange(3), torch.tensor(2.5)],
        "by number": {0: {"step": torch.tensor(4.0)}, 1: {}},
        "betas": (0.85, 0.999),
        "plain": [None, True, 3, 1e-17, "text", float("inf")],
    }
    tensors: dict[str, torch.Tensor] = {}
    packed = json.loads(json.dumps(pack(value, "all", tensors)))
    found = unpack(packed, tensors)
    assert torch.equal(found["tensors"][0], torch.arange(3))
    assert float(found["by number"][0]["step"]) == 4
    assert list(found["by number"]) == [0, 1]
    assert found["betas"] == (0.85, 0.999)
    assert found["plain"] == value["plain"]


def test_an_optimiser_and_its_schedule_survive_json():
    def made():
        layer = torch.nn.Linear(2, 2)
        optimiser = torch.optim.AdamW(layer.parameters(), 1e-2)
        return layer, optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, 10)

    layer, optimiser, schedule = made()
    layer(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    schedule.step()
    tensors: dict[str, torch.Tensor] = {}
    states = {"optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
    found = unpack(json.loads(json.dumps(pack(states, "x", tensors))), tensors)
    _, other, other_schedule = made()
    other.load_state_dict(found["optimiser"])
    other_schedule.load_state_dict(found["schedule"])
    assert other.param_groups[0] | {"params": 0} == optimiser.param_groups[0] | {"params": 0}
    assert other_schedule.state_dict() == schedule.state_dict()


def test_copies_are_taken():
    tensors: dict[str, torch.Tensor] = {}
    live = torch.zeros(2)
    pack(live, "x", tensors)
    live += 1
    assert tensors["x"].tolist() == [0, 0]


def test_what_json_cannot_hold_is_named():
    with pytest.raises(TypeError, match="x/a/1 to be plain or a tensor, got object"):
        pack({"a": [1, object()]}, "x", {})


def test_differences_are_named():
    saved = {"config": {"steps": 6, "tau": 0.1}, "device": "cpu", "pool": {"a": "1", "b": "2"}}
    assert differences(saved, saved) == []
    now = {"config": {"steps": 7, "tau": 0.1}, "device": "cuda", "pool": {"a": "1", "c": "2"}}
    assert differences(saved, now) == [
        "steps was 6 and is 7",
        "device was cpu and is cuda",
        "b is missing",
        "c is new",
    ]
    turned = saved | {"pool": {"b": "2", "a": "1"}}
    assert differences(saved, turned) == ["the images come in another order"]
    assert differences(saved, saved | {"extra": 1}) == ["extra was not set and is 1"]
