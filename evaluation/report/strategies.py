"""Strategies as a report shows them: in one order, each with the same name, colour and shape throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evaluation.report.charts.marks import SHAPES
from evaluation.report.kinds import HUES, REST, Kind

__all__ = ["ZERO_SHOT", "by_preference", "kinds_of_strategies", "shown_name"]

ZERO_SHOT = "none"
"""The strategy of the row without demonstrations."""

_NAMES: Mapping[str, str] = {
    "invariant_select": "InvariantSelect",
    "topk_nearest": "TopKNearest",
    "random": "random",
    ZERO_SHOT: "zero-shot",
}
_PREFERRED = ("invariant_select", "topk_nearest", "random")


def shown_name(strategy: str) -> str:
    """What a strategy is called on the page."""
    return _NAMES.get(strategy, strategy)


def by_preference(strategies: Iterable[str]) -> list[str]:
    """The strategies without repetition: ours, its rivals, others in alphabetical order, and last the zero-shot row."""
    there = set(strategies)
    known = [name for name in _PREFERRED if name in there]
    others = sorted(there - {*_PREFERRED, ZERO_SHOT})
    return [*known, *others, *({ZERO_SHOT} & there)]


def kinds_of_strategies(strategies: Iterable[str]) -> dict[str, Kind]:
    """Colour and shape of each strategy; the known ones have theirs whoever else is there."""
    ordered = by_preference({*_PREFERRED, *strategies})
    return {
        name: Kind(
            shown_name(name),
            REST if name == ZERO_SHOT else str(place % HUES),
            "diamond" if name == ZERO_SHOT else SHAPES[place % len(SHAPES)],
        )
        for place, name in enumerate(ordered)
    }
