from __future__ import annotations

import math

import pytest
import torch

from napari_localdisc.core.losses.critic import Critic, critic_loss, kl_estimate


def test_loss_by_hand():
    at_zero = critic_loss(torch.zeros(3), torch.zeros(3))
    assert float(at_zero) == pytest.approx(2 * math.log(2))
    right = critic_loss(torch.full((3,), 20.0), torch.full((3,), -20.0))
    assert float(right) == pytest.approx(0, abs=1e-6)
    assert float(kl_estimate(torch.tensor([-1.0, -3.0]))) == 2.0


def test_logit_per_image_for_several_targets():
    assert Critic(2)(torch.rand(3, 2, 64, 64)).shape == (3,)


def test_learns_to_tell_squares_from_noise():
    torch.manual_seed(0)
    critic = Critic(1, width=8)
    optimiser = torch.optim.Adam(critic.parameters(), 2e-3)
    squares = torch.zeros(6, 1, 32, 32)
    squares[..., 8:24, 8:24] = 1
    noise = (torch.rand(6, 1, 32, 32) > 0.75).float()
    for _ in range(30):
        loss = critic_loss(critic(squares), critic(noise))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    critic.requires_grad_(False)
    assert float(kl_estimate(critic(noise))) > 1
    assert float(kl_estimate(critic(squares))) < 0
