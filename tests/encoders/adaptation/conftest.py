"""No clock decides on the rounding: on a cpu that multiplies in bfloat16, two runs could choose differently."""

from __future__ import annotations

import pytest

from encoders.adaptation import activations, finetune_depth


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "_half_is_faster", lambda *_: False)
    monkeypatch.setattr(finetune_depth, "half_products_faster", lambda: False)
