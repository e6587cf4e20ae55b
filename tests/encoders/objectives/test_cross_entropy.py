from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.objectives.cross_entropy import CrossEntropy
from tests.encoders.objectives import reference
from tests.encoders.objectives.test_pair_objectives import batch_of


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.sampled_from([0.05, 0.5, 3.0]),
    st.sampled_from([0.0, 0.1, 0.9]),
    st.integers(0, 99),
)
def test_it_is_the_formula(labels: list[int], temperature: float, smoothing: float, seed: int) -> None:
    rows, coded, domains = batch_of(seed, labels, [-1] * len(labels))
    loss = CrossEntropy(temperature, smoothing).build(4, 4, seed=seed).double()
    expected = reference.cross_entropy(rows.tolist(), labels, loss.directions.tolist(), temperature, smoothing)
    assert loss(rows, coded, domains).item() == pytest.approx(expected, rel=1e-9)


def test_gradients_reach_embeddings_and_classifier() -> None:
    rows, labels, domains = batch_of(1, [0, 1, 2, 1], [0, 0, 1, 1])
    loss = CrossEntropy(0.3, 0.1).build(4, 3).double()

    def as_function(embeddings: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(loss, {"directions": directions}, (embeddings, labels, domains))

    directions = loss.directions.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(as_function, (rows.requires_grad_(), directions))


def test_its_classifier_is_drawn_by_seed_and_is_all_it_learns() -> None:
    one, same, other = (CrossEntropy().build(8, 5, seed=seed) for seed in (1, 1, 2))
    assert [tuple(parameter.shape) for parameter in one.parameters()] == [(5, 8)]
    assert torch.equal(one.directions, same.directions)
    assert not torch.equal(one.directions, other.directions)


def test_one_class_and_no_image_cost_nothing() -> None:
    rows, labels, domains = batch_of(1, [0, 0], [0, 1])
    assert CrossEntropy().build(4, 1).double()(rows, labels, domains).item() == 0
    empty = rows[:0].requires_grad_()
    loss = CrossEntropy().build(4, 3)(empty, labels[:0], domains[:0])
    loss.backward()
    assert loss.item() == 0


def test_known_value_at_the_middle_between_all_classes() -> None:
    loss = CrossEntropy().build(3, 3).double()
    loss.directions.data = torch.eye(3, dtype=torch.float64)
    middle = torch.ones(2, 3, dtype=torch.float64)
    assert loss(middle, torch.tensor([0, 2]), torch.tensor([0, 0])).item() == pytest.approx(math.log(3))


def test_autocast_rounds_nothing() -> None:
    rows, labels, domains = batch_of(2, [0, 1, 2], [0, 0, 0], dtype=torch.float32)
    loss = CrossEntropy(0.01).build(4, 3)
    plain = loss(rows, labels, domains)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(rows, labels, domains), plain)


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
def test_extreme_temperatures_give_numbers(temperature: float) -> None:
    rows, labels, domains = batch_of(2, [0, 1, 2], [0, 0, 0], dtype=torch.float32)
    loss = CrossEntropy(temperature, 0.1).build(4, 3)(rows.requires_grad_(), labels, domains)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(rows.grad).all()
