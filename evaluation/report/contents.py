"""Everything that a report says in numbers, worked out once from the answers; the page and the JSON both show this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from encoders.adaptation.watch import SILENT
from evaluation.answers.answered import Answered
from evaluation.comparison import Comparison, compared
from evaluation.figures import Figures, Row, by_row, figures_of
from evaluation.leakage import REASONS
from evaluation.report.strategies import ZERO_SHOT, by_preference

__all__ = ["BarredCount", "Contents", "Difference", "contents_of"]


@dataclass(frozen=True)
class Difference:
    """How much better `one` is than `other`."""

    one: Row
    other: Row
    found: Comparison


@dataclass(frozen=True)
class BarredCount:
    """How many demonstrations were barred for one reason, each counted once for each query.

    Attributes:
        demonstrations: In all.
        queries: How many queries had any.
    """

    demonstrations: int
    queries: int


@dataclass(frozen=True, eq=False)
class Contents:
    """The numbers of a report.

    Attributes:
        rows: Figures of each row: by learner in the order that they came, by shots, by strategy.
        differences: Of all pairs of strategies with the same shots and learner that were asked the same; and of each to
            the zero-shot row of its learner, where that answered anything.
        barred: By reason.
        queries: How many there are, over all folds.
        units: How many groups, and queries without one, an interval is resampled from.
    """

    rows: Mapping[Row, Figures]
    differences: tuple[Difference, ...]
    barred: Mapping[str, BarredCount]
    queries: int
    units: int

    @property
    def learners(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(row.learner for row in self.rows))

    @property
    def strategies(self) -> list[str]:
        """That show demonstrations, the preferred first."""
        return by_preference(row.strategy for row in self.rows if row.shots)

    def zero_shot(self, learner: str) -> Row | None:
        """The row of a learner without demonstrations; None where there is none, or it never answers."""
        return _zero_shot(self.rows, learner)

    def with_most_shots(self, learner: str) -> dict[str, Row]:
        """For each strategy, the preferred first, its row of a learner with the most shots."""
        rows = [row for row in self.rows if row.learner == learner and row.shots]
        most = {row.strategy: row for row in sorted(rows, key=lambda row: row.shots)}
        return {strategy: most[strategy] for strategy in self.strategies if strategy in most}


def contents_of(answers: Sequence[Answered], *, seed: int, check: Callable[[], None] = SILENT.check) -> Contents:
    """The numbers of a report.

    Args:
        answers: All of them, at least one, in any order.
        seed: Of the resamples.
        check: Asked whether to go on before each row and each difference, which take seconds for 10,000 queries.
    """
    parts = by_row(answers)
    learners = list(dict.fromkeys(row.learner for row in parts))
    ranks = {name: rank for rank, name in enumerate(by_preference(row.strategy for row in parts))}
    ordered = sorted(parts, key=lambda row: (learners.index(row.learner), row.shots, ranks[row.strategy]))
    rows: dict[Row, Figures] = {}
    for row in ordered:
        check()
        rows[row] = figures_of(parts[row], seed=seed)
    differences = []
    for one, other in _pairs(rows):
        check()
        if _share_a_query(parts[one], parts[other]):
            differences.append(Difference(one, other, compared(parts[one], parts[other], seed=seed)))
    return Contents(
        rows=rows,
        differences=tuple(differences),
        barred=_barred(answers),
        queries=len({(each.fold, each.query) for each in answers}),
        units=len({each.unit for each in answers}),
    )


def _pairs(rows: Mapping[Row, Figures]) -> list[tuple[Row, Row]]:
    pairs = [
        (one, other)
        for one, other in combinations([row for row in rows if row.shots], 2)
        if (one.shots, one.learner) == (other.shots, other.learner)
    ]
    for row in rows:
        zero = _zero_shot(rows, row.learner)
        if row.shots and zero is not None:
            pairs.append((row, zero))
    return pairs


def _zero_shot(rows: Mapping[Row, Figures], learner: str) -> Row | None:
    candidates = [row for row in rows if row.learner == learner and not row.shots and rows[row].unanswered < 1]
    return min(candidates, key=lambda row: row.strategy != ZERO_SHOT, default=None)


def _share_a_query(one: Sequence[Answered], other: Sequence[Answered]) -> bool:
    return not {(each.fold, each.query) for each in one}.isdisjoint((each.fold, each.query) for each in other)


def _barred(answers: Sequence[Answered]) -> dict[str, BarredCount]:
    """They are barred for a query whatever the strategy; a row without demonstrations may not have counted them."""
    counts: dict[str, BarredCount] = {}
    for reason in REASONS:
        most: dict[tuple[str, str], int] = {}
        for each in answers:
            key = each.fold, each.query
            most[key] = max(most.get(key, 0), getattr(each, f"barred_{reason}"))
        counts[reason] = BarredCount(sum(most.values()), sum(count > 0 for count in most.values()))
    return counts
