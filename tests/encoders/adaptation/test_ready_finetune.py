"""Fine-tuning fits the device and the budget or stays out with a reason, and the other depths compete all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from encoders.adaptation import finetune_depth, step_count
from encoders.adaptation.adapt import Adaptation, adapt
from encoders.adaptation.finetune import Finetuning
from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.ranks import Ranks
from encoders.adaptation.watch import Watch
from invariantselect.errors import InvalidRequestError
from tests.encoders.adaptation.test_adapt import FINETUNE, PLAN, pool_of
from tests.encoders.adaptation.test_finetune_depth import finetune
from tests.encoders.adaptation.towers import tower_of

STEPS = 2
BATCH = PLAN.finetune.batch


def holding(most: int, told: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A device whose memory holds the graphs of so many images."""
    backward: Callable[..., Any] = Finetuning._backward

    def bounded(self: Finetuning, maps: torch.Tensor, *of: Any) -> torch.Tensor:
        held = min(self._options.micro_batch or len(maps), len(maps))
        told.append(held)
        if held > most:
            raise torch.OutOfMemoryError(f"{held} images")
        loss: torch.Tensor = backward(self, maps, *of)
        return loss

    monkeypatch.setattr(Finetune, "_has_own_memory", True)
    monkeypatch.setattr(Finetuning, "_backward", bounded)


def adapted(
    depth: str, folder: Path | None = None, *, steps: int | None = STEPS, watch: Watch | None = None
) -> Adaptation:
    plan = replace(PLAN, depth=depth, steps=steps)
    return adapt(pool_of("clear", 4), plan, base=tower_of("transformer"), folder=folder, watch=watch or Watch())


def test_a_batch_that_doesnt_fit_is_taken_in_parts_with_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = adapted("finetune")
    told: list[int] = []
    holding(BATCH // 3, told, monkeypatch)
    parts = adapted("finetune", tmp_path)
    assert told[:3] == [BATCH, BATCH // 2, BATCH // 4]
    assert set(told[3:]) == {BATCH // 4}
    np.testing.assert_allclose(parts.space.vectors, whole.space.vectors, atol=1e-4)
    assert parts.report["left_out"] == {}
    told.clear()
    adapted("finetune", tmp_path)
    assert told == []  # remembered, and every training is kept: nothing is tried again


def test_where_no_image_fits_the_other_depths_go_on_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(0, [], monkeypatch)
    adaptation = adapted("auto")
    assert {each.depth for each in adaptation.contestants} == {"frozen", "closed_form", "head"}
    assert "memory" in adaptation.report["left_out"]["finetune"]
    with pytest.raises(InvalidRequestError, match="memory doesn't hold"):
        adapted("finetune")


def test_where_not_even_the_front_fits_it_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("the card is another's")

    monkeypatch.setattr(finetune_depth, "activations_of", full)
    assert "memory" in adapted("auto").report["left_out"]["finetune"]


def test_ranks_that_share_a_batch_dont_try_parts_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finetune, "_has_own_memory", True)
    monkeypatch.setattr(finetune_depth, "fitting_part", lambda *_, **__: pytest.fail("it was tried"))
    depth = finetune([])
    depth._ranks = Ranks(world=2)
    depth.settle_memory()
    assert depth._options.micro_batch == FINETUNE.micro_batch


def test_no_view_is_made_where_encoding_alone_takes_longer_than_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_depth, "seconds_to_encode", lambda *_, **__: PLAN.budget_seconds)
    monkeypatch.setattr(Finetune, "_tried", lambda self: pytest.fail("steps were tried"))
    for _ in range(2):
        adaptation = adapted("auto", tmp_path, steps=None)
        assert "finetune" not in {each.depth for each in adaptation.contestants}
        assert "too short" in adaptation.report["left_out"]["finetune"]


def test_what_encoding_takes_is_none_of_the_trainings_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def within(left: float, each: float, *, trainings: float | int) -> int:
        asked.append(left)
        return STEPS

    monkeypatch.setattr("encoders.adaptation.ready_finetune.steps_within", within)
    monkeypatch.setattr(finetune_depth, "seconds_to_encode", lambda *_, **__: 100.0)
    adapted("finetune", steps=None)
    assert PLAN.budget_seconds - 4 * 100.0 - 100.0 < asked[0] < PLAN.budget_seconds - 4 * 100.0  # three folds, and all


def test_a_trunk_that_cant_be_trained_is_told() -> None:
    adaptation = adapt(pool_of("clear", 4), replace(PLAN, depth="auto"))
    assert "no trunk" in adaptation.report["left_out"]["finetune"]
    assert adapt(pool_of("clear", 4), PLAN).report["left_out"] == {}  # nobody asked for one


def test_the_fewest_steps_are_still_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_count, "_FEWEST", 10**9)
    assert "too short" in adapted("auto", steps=None).report["left_out"]["finetune"]
