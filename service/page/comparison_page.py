"""The selections of several strategies, side by side, as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from invariantselect.wire import Comparison, Selection, SelectionOptions
from service.page.asked import asked
from service.page.cards import Card, cards_of, counted, hues_of
from service.page.query_view import QueryView
from service.page.rendering import render
from service.page.thumbnail import Thumbnail

__all__ = ["render_comparison"]


@dataclass(frozen=True)
class _Column:
    """One strategy; `same_label` says how many have the query's true label, None where that isn't known."""

    strategy: str
    selection: Selection
    cards: list[Card]
    labels: list[tuple[str, int, int]]
    same_label: int | None


def render_comparison(
    comparison: Comparison,
    options: SelectionOptions,
    query: QueryView,
    thumbnails: Mapping[str, Thumbnail],
) -> str:
    """The page of a comparison; see `service.page.rendering`.

    Args:
        comparison: The answer; its strategies stand from left to right, each place of the prompt is a row.
        options: What all strategies were asked for.
        query: The query's picture and what is known of it.
        thumbnails: Pictures by demonstration id; one that is missing gets a placeholder.
    """
    selections = comparison.selections
    hues = hues_of(selections.values())
    ids = {name: {chosen.id for chosen in selection.demonstrations} for name, selection in selections.items()}
    columns = []
    for name, selection in selections.items():
        others = {other: chosen for other, chosen in ids.items() if other != name}
        cards = cards_of(selection, query, thumbnails, hues, others)
        same = None if query.label is None else sum(card.same_label for card in cards)
        columns.append(_Column(name, selection, cards, counted(selection, hues), same))
    return render(
        "comparison.html",
        pool=comparison.pool,
        query=query,
        columns=columns,
        rows=list(zip_longest(*(column.cards for column in columns))),
        in_all=len(set.intersection(*ids.values())),
        most=max(map(len, ids.values())),
        asked=asked(options, ["k", "order"], ["strategy"]),
    )
