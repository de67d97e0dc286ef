"""Names of the objectives, apart from them: listing the names is not to wait for torch."""

from __future__ import annotations

from typing import Literal, get_args

ObjectiveName = Literal[
    "local-discrimination", "instance-discrimination", "invariant-spreading", "supervised"
]

BASELINES: tuple[str, ...] = get_args(ObjectiveName)[1:]
"""What local discrimination is compared with."""
