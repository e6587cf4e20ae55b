"""What is taken for what, as a table whose cells are the darker the larger their share of the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.figures import Figures, Row
from evaluation.report.contents import Contents
from evaluation.report.kinds import Kind

__all__ = ["MOST_CLASSES", "SHADES", "Cell", "Matrix", "MatrixRow", "matrices"]

MOST_CLASSES = 24
"""A larger table is no picture any more; all of it stands in the JSON."""

SHADES = 6
"""How many grades the style sheet defines, the first for nothing at all."""


@dataclass(frozen=True)
class Cell:
    """How many queries of a class got an answer.

    Attributes:
        count: How many.
        shade: Share of the row, graded from 0 for none to `SHADES` − 1.
        right: Whether that answer is right.
    """

    count: int
    shade: int
    right: bool


@dataclass(frozen=True)
class MatrixRow:
    """The answers to the queries of a class."""

    truth: str
    queries: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix.

    Attributes:
        learner: Who answered.
        kind: Of the strategy.
        shots: How many demonstrations.
        columns: What was answered; the last are ``other labels``, where some are left out, and ``no answer``.
        rows: By truth.
        left_out: How many classes aren't shown, because others are more frequent.
    """

    learner: str
    kind: Kind
    shots: int
    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    left_out: int


def matrices(contents: Contents, kinds: Mapping[str, Kind]) -> list[Matrix]:
    """For each learner and strategy that of the row with the most shots.

    Args:
        contents: Of the report.
        kinds: Of the strategies.
    """
    return [
        _matrix(row, contents.rows[row], kinds[row.strategy])
        for learner in contents.learners
        for row in contents.with_most_shots(learner).values()
    ]


def _matrix(row: Row, figures: Figures, kind: Kind) -> Matrix:
    asked = figures.confusion.sum(axis=1)
    told = figures.confusion.sum(axis=0)[:-1]
    frequent = sorted(range(len(figures.classes)), key=lambda place: (-asked[place], -told[place], place))
    shown = sorted(frequent[:MOST_CLASSES])
    left_out = len(figures.classes) - len(shown)
    rows = tuple(
        _row(figures, place, shown, others=bool(left_out), queries=int(asked[place])) for place in shown if asked[place]
    )
    columns = [figures.classes[place] for place in shown] + (["other labels"] if left_out else []) + ["no answer"]
    return Matrix(row.learner, kind, row.shots, tuple(columns), rows, left_out)


def _row(figures: Figures, place: int, shown: list[int], *, others: bool, queries: int) -> MatrixRow:
    counts = figures.confusion[place]
    rest = [int(counts[:-1].sum() - counts[shown].sum())] if others else []
    told = [*counts[shown].tolist(), *rest, int(counts[-1])]
    return MatrixRow(
        figures.classes[place],
        queries,
        tuple(
            Cell(count, _shade(count / queries), column < len(shown) and shown[column] == place)
            for column, count in enumerate(told)
        ),
    )


def _shade(share: float) -> int:
    return int(np.ceil(share * (SHADES - 1)))
