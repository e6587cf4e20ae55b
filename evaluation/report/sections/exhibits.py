"""Queries that one strategy answers rightly and the other wrongly, with all that both were shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evaluation.answers.answered import Answered
from evaluation.report.gallery import Gallery
from evaluation.report.kinds import Kind
from evaluation.report.pictures import InlinePicture, inline_picture

__all__ = ["MOST_DEMONSTRATIONS", "Exhibit", "Shown", "Side", "exhibits_of", "most_queries"]

MOST_DEMONSTRATIONS = 12
"""Of each strategy; the most similar come first."""

_MOST_PICTURES = 150
_MOST_QUERIES = 10
_QUERY_SIDE, _DEMONSTRATION_SIDE = 240, 128


@dataclass(frozen=True)
class Shown:
    """A demonstration."""

    id: str
    label: str
    domain: str | None
    score: float
    same_label: bool
    picture: InlinePicture | None


@dataclass(frozen=True)
class Side:
    """What one strategy showed, and what came of it."""

    kind: Kind
    answered: Answered
    demonstrations: tuple[Shown, ...]


@dataclass(frozen=True)
class Exhibit:
    """A query."""

    query: Answered
    picture: InlinePicture | None
    sides: tuple[Side, Side]


def most_queries(shots: int) -> int:
    """How many queries go on the page, so that their pictures stay below one and a half megabytes.

    Args:
        shots: The most demonstrations of a strategy.
    """
    return max(2, min(_MOST_QUERIES, _MOST_PICTURES // (1 + 2 * min(shots, MOST_DEMONSTRATIONS))))


def exhibits_of(
    gallery: Gallery, kinds: Mapping[str, Kind], picture: Callable[[str], bytes | None] | None
) -> list[Exhibit]:
    """The queries of a gallery with their pictures.

    Args:
        gallery: What is shown.
        kinds: Of the strategies.
        picture: Bytes of an image file by id; None for a page without pictures.
    """
    known: dict[str, InlinePicture | None] = {}

    def small(identifier: str) -> InlinePicture | None:
        if identifier not in known:
            known[identifier] = inline_picture(picture, identifier, side=_DEMONSTRATION_SIDE)
        return known[identifier]

    return [
        Exhibit(
            query=each.one,
            picture=inline_picture(picture, each.one.query, side=_QUERY_SIDE),
            sides=(_side(each.one, kinds, small), _side(each.other, kinds, small)),
        )
        for each in gallery.shown
    ]


def _side(answered: Answered, kinds: Mapping[str, Kind], small: Callable[[str], InlinePicture | None]) -> Side:
    shown = zip(answered.demonstrations, answered.labels, answered.domains, answered.scores, strict=True)
    return Side(
        kinds[answered.strategy],
        answered,
        tuple(
            Shown(identifier, label, domain, score, label == answered.truth, small(identifier))
            for identifier, label, domain, score in list(shown)[:MOST_DEMONSTRATIONS]
        ),
    )
