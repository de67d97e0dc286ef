from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _few_threads() -> None:
    """Small tensors are slower on many threads."""
    torch.set_num_threads(2)
