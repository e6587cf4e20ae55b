"""Whole adaptations of small pools: who wins where, what is refused, and that each phase can be stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoders.adaptation import step_count
from encoders.adaptation.adapt import adapt
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune import FinetuneOptions
from encoders.adaptation.head import HeadOptions
from encoders.adaptation.plan import Plan
from encoders.adaptation.watch import Watch
from invariantselect.errors import InvalidRequestError, JobCancelledError
from tests.encoders.adaptation.towers import DIM, tower_of

HEAD = HeadOptions(hidden=0, dim=8, steps=30, classes_per_batch=3, images_per_class=6)
FINETUNE = FinetuneOptions(blocks=1, views=2, classes_per_batch=3, images_per_class=4, projection=8)
PLAN = Plan(head=HEAD, finetune=FINETUNE, depth="head")


def pool_of(kind: str, per_cell: int = 12) -> Examples:
    """Three classes in three domains; ``shifted``: styles lie further apart than classes do, and domains differ in
    them; ``clear``: only classes differ, and widely."""
    rng = np.random.default_rng(0)
    labels, domains = np.repeat(np.tile(np.arange(3), 3), per_cell), np.repeat(np.arange(3), 3 * per_cell)
    rows = 0.3 * rng.standard_normal((len(labels), DIM))
    rows[:, :3] += (2 if kind == "shifted" else 8) * np.eye(3)[labels]
    if kind == "shifted":
        rows[:, 3:9] += 3 * rng.standard_normal((len(labels), 6)) + 3 * rng.standard_normal((3, 6))[domains]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    def image(place: int) -> Image.Image:
        noise = np.random.default_rng(place).integers(60, size=(32, 32, 3))
        noise[:, :, labels[place]] += 120
        noise[:: 2 + domains[place]] += 60
        return Image.fromarray(noise.astype(np.uint8))

    names = ["ant", "bee", "cat"], ["scan", "photo", "sketch"]
    return Examples(
        rows.astype(np.float32),
        [names[0][label] for label in labels],
        [names[1][domain] for domain in domains],
        [None] * len(labels),
        image,
    )


@pytest.mark.parametrize("depth", ["closed_form", "head"])
def test_a_planted_shift_is_learnt_away(depth: str) -> None:
    examples = pool_of("shifted")
    adaptation = adapt(examples, replace(PLAN, depth=depth))
    assert adaptation.better
    assert adaptation.winner.depth == depth
    assert adaptation.contestants[0].name == "frozen"
    assert adaptation.winner.figures.score > adaptation.contestants[0].figures.score + 0.1
    space = adaptation.space
    assert space.trunk is None
    np.testing.assert_allclose(
        space.calibration.apply(examples.vectors, examples.domain_names), space.vectors, atol=1e-5
    )
    measures = adaptation.report["measures"]
    assert measures["adapted"]["class_variance"] > measures["frozen"]["class_variance"]


def test_where_nothing_can_be_gained_the_adaptation_is_not_better() -> None:
    adaptation = adapt(pool_of("clear"), PLAN)
    assert adaptation.contestants[0].figures.score == 1.0
    assert not adaptation.better


@pytest.mark.parametrize("depth", ["head", "closed_form"])
def test_it_is_the_same_when_it_is_done_again(depth: str) -> None:
    plan = replace(PLAN, depth=depth)
    one, other = (adapt(pool_of("shifted", 4), plan) for _ in range(2))
    assert one.winner.name == other.winner.name
    assert np.array_equal(one.space.vectors, other.space.vectors)


def test_a_trunk_is_trained_and_what_it_learnt_is_what_its_tower_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_count, "_MOST", 40)
    examples, base = pool_of("clear", 3), tower_of("transformer")
    plan = replace(PLAN, depth="finetune")
    adaptation = adapt(examples, plan, base=base, folder=tmp_path)
    trunk = adaptation.space.trunk
    assert trunk is not None
    assert trunk.weights != base.weights
    assert trunk.preprocessing == base.preprocessing  # its embeddings of places fit no other side
    told: list[str] = []
    again = adapt(examples, plan, base=base, folder=tmp_path, watch=Watch(lambda *of: told.append(of[0])))
    np.testing.assert_allclose(again.space.vectors, adaptation.space.vectors, atol=0.05)
    assert not [phase for phase in told if phase.startswith("fine-tuning")]  # all of it was kept


def test_where_both_trunks_win_they_are_one_tower_and_a_map_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoders.adaptation.adapt.best_of", lambda entered, **_: entered[-1])
    examples, plan, trainings = pool_of("clear", 3), replace(PLAN, depth="finetune", steps=4), set()
    watch = Watch(lambda *of: trainings.add(of[0]))
    adaptation = adapt(examples, plan, base=tower_of("transformer"), watch=watch)
    assert adaptation.winner.name == adaptation.report["winner"] == "finetune + frozen + closed_form"
    assert adaptation.winner.depth == "finetune"
    assert len([phase for phase in trainings if phase.startswith("fine-tuning")]) == 4  # three folds, and all
    trunk = adaptation.space.trunk
    assert trunk is not None
    assert trunk.dim == 2 * DIM
    assert trunk.preprocessing == tower_of("transformer").preprocessing
    assert adaptation.space.calibration.dim(trunk.dim) == adaptation.space.vectors.shape[1]


def test_a_number_of_steps_is_done_whatever_the_budget() -> None:
    told: list[tuple[object, ...]] = []
    plan = replace(PLAN, depth="finetune", budget_seconds=0.0, steps=4)
    adapt(pool_of("clear", 3), plan, base=tower_of("transformer"), watch=Watch(lambda *of: told.append(of)))
    trainings = [of[1:3] for of in told if str(of[0]).startswith("fine-tuning")]
    assert trainings == [(1, 1)] * 3 + [(1, 4), (2, 4), (3, 4), (4, 4)]  # three folds, and all


def test_too_short_a_budget_is_told() -> None:
    plan = replace(PLAN, depth="finetune", budget_seconds=0.0)
    with pytest.raises(InvalidRequestError, match="too short") as caught:
        adapt(pool_of("clear", 3), plan, base=tower_of("transformer"))
    assert "larger budget" in caught.value.hint


def test_a_trunk_that_isn_t_there_is_told() -> None:
    with pytest.raises(InvalidRequestError, match="no trunk"):
        adapt(pool_of("clear", 3), replace(PLAN, depth="finetune"))


@pytest.mark.parametrize("kept", [slice(0, 1), slice(0, 12)])
def test_a_pool_with_nothing_to_learn_from_is_refused(kept: slice) -> None:
    full = pool_of("clear")
    columns = (full.label_names, full.domain_names, full.group_names)
    poor = Examples(full.vectors[kept], *(column[kept] for column in columns), full.image)
    with pytest.raises(InvalidRequestError, match="can't be adapted"):
        adapt(poor, PLAN)


@pytest.mark.parametrize(
    "phase", ["validation of frozen", "validation of head", "validation of finetune", "activations", "fine-tuning"]
)
def test_each_phase_can_be_stopped(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_count, "_MOST", 40)
    reached = False

    def told(name: str, *_: object) -> None:
        nonlocal reached
        reached = reached or name.startswith(phase)

    def check() -> None:
        if reached:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        adapt(
            pool_of("shifted", 3), replace(PLAN, depth="auto"), base=tower_of("transformer"), watch=Watch(told, check)
        )
