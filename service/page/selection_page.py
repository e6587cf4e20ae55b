"""One selection as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping

from invariantselect.wire import Selection, SelectionOptions
from service.page.asked import asked
from service.page.cards import cards_of, counted, hues_of
from service.page.query_view import QueryView
from service.page.rendering import render
from service.page.thumbnail import Thumbnail

__all__ = ["render_selection"]


def render_selection(
    selection: Selection,
    options: SelectionOptions,
    query: QueryView,
    thumbnails: Mapping[str, Thumbnail],
) -> str:
    """The page of a selection; see `service.page.rendering`.

    Args:
        selection: The answer, its demonstrations in prompt order.
        options: What was asked for.
        query: The query's picture and what is known of it.
        thumbnails: Pictures by demonstration id; one that is missing gets a placeholder.
    """
    hues = hues_of([selection])
    return render(
        "selection.html",
        pool=selection.pool,
        selection=selection,
        query=query,
        cards=cards_of(selection, query, thumbnails, hues),
        labels=counted(selection, hues),
        asked=asked(options, ["k", "strategy", "order"]),
    )
