"""CCI, SupCon and DCL against enumerated pairs, and what holds of each whatever the batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from encoders.objectives.cci import Cci
from encoders.objectives.dcl import Dcl
from encoders.objectives.objective import Formula
from encoders.objectives.supcon import SupCon
from tests.encoders.objectives import reference

REFERENCES = {Cci: reference.cci, SupCon: reference.supcon, Dcl: reference.dcl}
CLASSES = pytest.mark.parametrize("kind", REFERENCES)
RULES = pytest.mark.parametrize("rule", ["same_class", "other_domain"])

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def batch_of(
    seed: int, labels: list[int], domains: list[int], dim: int = 4, dtype: torch.dtype = torch.float64
) -> Batch:
    rows = np.random.default_rng(seed).standard_normal((len(labels), dim)) * 3.0
    return (
        torch.tensor(rows, dtype=dtype),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(domains, dtype=torch.int64),
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Singletons, one class, one domain, unknown domains, duplicates: whatever a batch can be."""
    size = draw(st.integers(1, 9))
    labels = draw(st.lists(st.integers(0, draw(st.integers(0, 3))), min_size=size, max_size=size))
    domains = draw(st.lists(st.integers(-1, draw(st.integers(-1, 2))), min_size=size, max_size=size))
    rows, *rest = batch_of(draw(st.integers(0, 999)), labels, domains)
    twins = draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=3))
    for one, other in twins:
        rows[one] = rows[other] * draw(st.sampled_from([1.0, 2.5]))
    return rows, *rest


TEMPERATURES = st.sampled_from([0.05, 0.1, 0.5, 1.0, 7.0])


@CLASSES
@RULES
@settings(deadline=None)
@given(batches(), TEMPERATURES)
@example(batch_of(0, [0], [0]), 0.1)
@example(batch_of(0, [0, 1, 2], [0, 0, 0]), 0.1)
@example(batch_of(0, [1, 1, 1, 1], [-1, -1, -1, -1]), 0.1)
def test_a_loss_is_the_formula_over_enumerated_pairs(
    kind: type[Formula], rule: str, batch: Batch, temperature: float
) -> None:
    loss = kind(temperature=temperature, positives=rule)(*batch)  # type: ignore[call-arg]
    expected = REFERENCES[kind](*(tensor.tolist() for tensor in batch), temperature, rule)
    assert loss.dtype == torch.float64
    assert loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@CLASSES
@RULES
def test_gradients_are_those_of_the_formula(kind: type[Formula], rule: str) -> None:
    rows, labels, domains = batch_of(3, [0, 0, 1, 1, 1, 2, 0], [0, 1, 0, 1, -1, 0, 0])
    formula = kind(temperature=0.3, positives=rule)  # type: ignore[call-arg]
    assert torch.autograd.gradcheck(lambda x: formula(x, labels, domains), rows.requires_grad_())


@CLASSES
@RULES
@settings(deadline=None)
@given(batches(), st.randoms(use_true_random=False))
def test_order_scale_and_rotation_do_not_matter(kind: type[Formula], rule: str, batch: Batch, chance: object) -> None:
    rows, labels, domains = batch
    formula = kind(positives=rule)  # type: ignore[call-arg]
    loss = formula(*batch).item()
    order = list(range(len(rows)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    assert formula(rows[order], labels[order], domains[order]).item() == pytest.approx(loss, rel=1e-9, abs=1e-12)
    turned = rows @ torch.linalg.qr(torch.tensor(np.random.default_rng(1).standard_normal((4, 4))))[0]
    lengths = torch.linspace(1e-3, 1e3, len(rows), dtype=torch.float64)[:, None]
    assert formula(turned * lengths, labels, domains).item() == pytest.approx(loss, rel=1e-8, abs=1e-8)
    renamed = torch.where(domains < 0, domains, 10 - domains)
    assert formula(rows, 7 - labels, renamed).item() == pytest.approx(loss, rel=1e-9, abs=1e-12)


@CLASSES
@pytest.mark.parametrize(
    ("labels", "domains", "rule"),
    [
        ([], [], "same_class"),
        ([0], [0], "same_class"),
        ([0, 1, 2], [0, 0, 0], "same_class"),
        ([0, 0, 1, 1], [2, 2, 2, 2], "other_domain"),
        ([0, 0, 1, 1], [-1, -1, -1, -1], "other_domain"),
        ([0, 0, 1, 1], [-1, 0, 1, -1], "other_domain"),
    ],
)
def test_a_batch_without_an_anchor_gives_a_zero_with_a_gradient(
    kind: type[Formula], labels: list[int], domains: list[int], rule: str
) -> None:
    rows, *rest = batch_of(0, labels, domains)
    loss = kind(positives=rule)(rows.requires_grad_(), *rest)  # type: ignore[call-arg]
    loss.backward()
    assert loss.item() == 0
    assert rows.grad is not None
    assert torch.equal(rows.grad, torch.zeros_like(rows))


def test_dcl_needs_a_negative_where_the_others_do_not() -> None:
    batch = batch_of(0, [0, 0, 0], [0, 1, 2])
    assert Dcl()(*batch).item() == 0
    assert SupCon()(*batch).item() > 0
    assert Cci()(*batch).item() == pytest.approx(0, abs=1e-12)  # numerator and denominator are the same sum


@CLASSES
@RULES
@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("length", [1e-30, 1.0, 1e30])
def test_extremes_give_numbers(kind: type[Formula], rule: str, temperature: float, length: float) -> None:
    rows, labels, domains = batch_of(5, [0, 0, 1, 1, 2, 0], [0, 1, 0, -1, 0, 1], dtype=torch.float32)
    rows[1] = rows[0]
    rows[3] = -rows[2]
    rows[4] = 0
    rows = (rows * length).requires_grad_()
    loss = kind(temperature=temperature, positives=rule)(rows, labels, domains)  # type: ignore[call-arg]
    loss.backward()
    assert torch.isfinite(loss)
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


@CLASSES
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_and_half_precision_lose_nothing_in_the_loss(kind: type[Formula], dtype: torch.dtype) -> None:
    rows, labels, domains = batch_of(6, [0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], dim=64, dtype=torch.float32)
    plain = kind(temperature=0.01)(rows, labels, domains)  # type: ignore[call-arg]
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(kind(temperature=0.01)(rows, labels, domains), plain)  # type: ignore[call-arg]
    half = rows.to(dtype)
    loss = kind(temperature=0.01)(half, labels, domains)  # type: ignore[call-arg]
    assert loss.dtype == torch.float32
    assert torch.equal(loss, kind(temperature=0.01)(half.float(), labels, domains))  # type: ignore[call-arg]


@pytest.mark.parametrize("each", [2, 5, 32])
def test_perfect_clusters_still_cost_what_the_docstring_says(each: int) -> None:
    """At τ = 1 two orthogonal classes of 32 cost 0.32; near 0 they cost nothing."""
    rows = torch.eye(2, dtype=torch.float64).repeat_interleave(each, dim=0)
    labels = torch.arange(2).repeat_interleave(each)
    domains = torch.arange(2 * each) % 2
    for temperature in (1.0, 0.1):
        expected = math.log(1 + each / (each - 1) * math.exp(-1 / temperature))
        assert Cci(temperature=temperature)(rows, labels, domains).item() == pytest.approx(expected, abs=1e-12)
    if each == 32:
        assert round(Cci(temperature=1.0)(rows, labels, domains).item(), 2) == 0.32
    # Of positives that are all equally near, the mean of logarithms and the logarithm of the sum are |P| apart.
    gap = SupCon(temperature=1.0)(rows, labels, domains) - Cci(temperature=1.0)(rows, labels, domains)
    assert gap.item() == pytest.approx(math.log(each - 1), abs=1e-12)
    assert Dcl(temperature=1.0)(rows, labels, domains).item() == pytest.approx(math.log(each) - 1, abs=1e-12)


def test_descending_cci_brings_a_class_together_across_domains() -> None:
    rows, labels, domains = batch_of(8, [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2])
    before = Cci()(rows, labels, domains).item()
    rows.requires_grad_()
    for _ in range(200):
        (gradient,) = torch.autograd.grad(Cci()(rows, labels, domains), rows)
        rows = (rows - 3.0 * gradient).detach().requires_grad_()
    assert Cci()(rows, labels, domains).item() < 0.01 < before
