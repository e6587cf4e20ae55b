"""Queries on which one strategy is right and the other wrong: a few of either kind, drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.answers.answered import Answered
from evaluation.figures import Row

__all__ = ["Disagreement", "Gallery", "gallery_of"]


@dataclass(frozen=True)
class Disagreement:
    """A query that exactly one of the two answers rightly."""

    one: Answered
    other: Answered


@dataclass(frozen=True)
class Gallery:
    """Where two rows differ.

    Attributes:
        one: The one row.
        other: The other row.
        only_one: On how many queries only the one is right.
        only_other: On how many only the other is.
        shown: Some of them, those of the first kind first.
    """

    one: Row
    other: Row
    only_one: int
    only_other: int
    shown: tuple[Disagreement, ...]


def gallery_of(
    one: Row, other: Row, mine: Sequence[Answered], theirs: Sequence[Answered], *, most: int, seed: int
) -> Gallery:
    """Draw queries, as many of either kind as there are, from every fold in turn.

    Args:
        one: A row.
        other: Another one.
        mine: Answers of the one row.
        theirs: Answers of the other row.
        most: How many queries are shown.
        seed: Of the draw.
    """
    asked = {(each.fold, each.query): each for each in theirs}
    both = [(each, asked[each.fold, each.query]) for each in mine if (each.fold, each.query) in asked]
    won = [Disagreement(a, b) for a, b in both if a.right and not b.right]
    lost = [Disagreement(a, b) for a, b in both if b.right and not a.right]
    half = min(len(won), max(most - most // 2, most - len(lost)))
    shown = (*_drawn(won, half, seed), *_drawn(lost, most - half, seed))
    return Gallery(one, other, len(won), len(lost), shown)


def _drawn(found: Sequence[Disagreement], most: int, seed: int) -> list[Disagreement]:
    rng = np.random.default_rng(seed)
    by_fold: defaultdict[str, list[Disagreement]] = defaultdict(list)
    for each in sorted(found, key=lambda each: (each.one.fold, each.one.query)):
        by_fold[each.one.fold].append(each)
    turns = [(turn, fold, part[place]) for fold, part in by_fold.items() for turn, place in _shuffled(rng, len(part))]
    return [each for _, _, each in sorted(turns, key=lambda item: item[:2])[:most]]


def _shuffled(rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    return list(enumerate(rng.permutation(count).tolist()))
