"""Which classes are recognised, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.figures import Row
from evaluation.report.contents import Contents
from evaluation.report.kinds import Kind

__all__ = ["MOST_CLASSES", "Recalls", "recall_tables"]

MOST_CLASSES = 100
"""The page has the most frequent; the JSON has all."""


@dataclass(frozen=True)
class Recalls:
    """The recalls of a learner.

    Attributes:
        learner: Who answered.
        columns: Strategy and shots of each column.
        classes: Each with how many queries have it, and its recall by column; None where the row has no such query.
        left_out: How many classes aren't shown, because others are more frequent.
    """

    learner: str
    columns: tuple[tuple[Kind, int], ...]
    classes: tuple[tuple[str, int, tuple[float | None, ...]], ...]
    left_out: int


def recall_tables(contents: Contents, kinds: Mapping[str, Kind]) -> list[Recalls]:
    """A table for each learner, classes in alphabetical order.

    Args:
        contents: Of the report.
        kinds: Of the strategies.
    """
    return [_table(contents, kinds, learner) for learner in contents.learners]


def _table(contents: Contents, kinds: Mapping[str, Kind], learner: str) -> Recalls:
    rows = [row for row, figures in contents.rows.items() if row.learner == learner and figures.unanswered < 1]
    asked = _asked(contents, rows)
    frequent = sorted(asked, key=lambda name: (-asked[name], name))[:MOST_CLASSES]
    return Recalls(
        learner,
        tuple((kinds[row.strategy], row.shots) for row in rows),
        tuple(
            (name, asked[name], tuple(contents.rows[row].recall.get(name) for row in rows)) for name in sorted(frequent)
        ),
        len(asked) - len(frequent),
    )


def _asked(contents: Contents, rows: list[Row]) -> Counter[str]:
    """How many queries have each label, in the row that was asked the most of it."""
    asked: Counter[str] = Counter()
    for row in rows:
        figures = contents.rows[row]
        counts = dict(zip(figures.classes, figures.confusion.sum(axis=1).tolist(), strict=True))
        asked |= Counter({name: counts[name] for name in figures.recall})
    return asked
