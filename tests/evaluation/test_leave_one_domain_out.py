from __future__ import annotations

import numpy as np
import pytest

from evaluation.leave_one_domain_out import leave_one_domain_out
from invariantselect.wire.options import SelectionOptions
from tests.index.selection.memory_pool import MemoryPool, Record, Shape, random_records

SHAPE = Shape(size=240, palette=240, labels=4, domains=3, groups=5, hashes=10**6)


def by_hand(records: list[Record], domain: str, k: int, among: set[str | None]) -> tuple[int, float, float, float]:
    """All figures straight from the definitions, with NumPy."""
    living = [record for record in records if record.alive]
    queries = [record for record in living if record.domain == domain]
    others = sorted((r for r in living if r.domain != domain and r.domain in among), key=lambda record: record.id)
    vectors = np.array([record.vector for record in others])
    right, hits = [], []
    for query in queries:
        scores = (vectors @ np.array(query.vector)).astype(np.float32)
        nearest = np.argsort(-scores, kind="stable")[:k]
        labels = np.array([others[n].label for n in nearest])
        sums = {label: scores[nearest][labels == label].sum() for label in np.unique(labels)}
        right.append(max(sorted(sums), key=sums.__getitem__) == query.label)
        hits.append((labels == query.label).sum() / k)
    truth = np.array([query.label for query in queries])
    recalls = [np.mean(np.array(right)[truth == label]) for label in np.unique(truth)]
    return len(queries), float(np.mean(right)), float(np.mean(recalls)), float(np.mean(hits))


@pytest.mark.parametrize(
    ("where", "among"),
    [
        ({}, {None, "domain0", "domain1", "domain2"}),
        ({"domain": {"not": "domain1"}}, {None, "domain0", "domain2"}),
        ({"domain": {"in": ["domain0", "domain1"], "not": [None]}}, {"domain0", "domain1"}),
        ({"domain": "domain2"}, {"domain2"}),
    ],
)
def test_the_figures_are_those_worked_out_by_hand(where: dict[str, object], among: set[str | None]) -> None:
    records = random_records(SHAPE, seed=4)
    report = leave_one_domain_out(MemoryPool(records, SHAPE.dim), SelectionOptions(k=5, where=where))
    assert [figures.domain for figures in report.domains] == ["domain0", "domain1", "domain2"]
    for figures in report.domains:
        if among == {figures.domain}:
            assert figures.accuracy == figures.macro_accuracy == figures.precision == 0.0
            continue
        worked_out = by_hand(records, figures.domain, 5, among)
        told = (figures.queries, figures.accuracy, figures.macro_accuracy, figures.precision)
        assert told == pytest.approx(worked_out)


def test_the_means_give_every_domain_the_same_weight() -> None:
    report = leave_one_domain_out(MemoryPool(random_records(SHAPE, seed=4), SHAPE.dim), SelectionOptions())
    for name in ("accuracy", "macro_accuracy", "precision"):
        assert getattr(report, name) == pytest.approx(sum(getattr(one, name) for one in report.domains) / 3)


def test_a_pool_without_domains_has_no_figures() -> None:
    pool = MemoryPool([Record("a", 0, (1.0, 0.0), "cat")], 2)
    assert leave_one_domain_out(pool, SelectionOptions()).domains == ()
