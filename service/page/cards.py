"""Demonstrations as a page shows them: a card each, and a colour for each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from invariantselect.wire import Selected, Selection
from service.page.query_view import QueryView
from service.page.thumbnail import Thumbnail

__all__ = ["Card", "cards_of", "counted", "hues_of"]

_HUES = 8  # how many label colours style.css defines


@dataclass(frozen=True)
class Card:
    """One demonstration.

    Attributes:
        position: Its place in the prompt, from 1.
        chosen: What is known of it.
        thumbnail: Its picture, if there is one.
        hue: Number of its label's colour.
        fill: Length of its score bar in percent.
        same_label: Whether it has the query's true label.
        also: The other strategies of a comparison that chose it.
    """

    position: int
    chosen: Selected
    thumbnail: Thumbnail | None
    hue: int
    fill: float
    same_label: bool
    also: tuple[str, ...] = ()


def hues_of(selections: Iterable[Selection]) -> dict[str, int]:
    """A colour for each label that was chosen, the most frequent labels first."""
    counts = Counter(chosen.label for selection in selections for chosen in selection.demonstrations)
    labels = sorted(counts, key=lambda label: (-counts[label], label))
    return {label: place % _HUES for place, label in enumerate(labels)}


def counted(selection: Selection, hues: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Each label that was chosen, how often, and its colour; the most frequent first."""
    counts = Counter(chosen.label for chosen in selection.demonstrations)
    return [(label, counts[label], hues[label]) for label in sorted(counts, key=lambda label: (-counts[label], label))]


def cards_of(
    selection: Selection,
    query: QueryView,
    thumbnails: Mapping[str, Thumbnail],
    hues: Mapping[str, int],
    others: Mapping[str, Collection[str]] | None = None,
) -> list[Card]:
    """The cards of a selection, in prompt order.

    Args:
        selection: The answer.
        query: What it was made for.
        thumbnails: Pictures by demonstration id.
        hues: Colours by label.
        others: Ids that other strategies chose, by their names.
    """
    return [
        Card(
            position=position,
            chosen=chosen,
            thumbnail=thumbnails.get(chosen.id),
            hue=hues[chosen.label],
            fill=round(100 * min(1.0, max(0.0, chosen.score)), 1),
            same_label=query.label is not None and chosen.label == query.label,
            also=tuple(name for name, ids in (others or {}).items() if chosen.id in ids),
        )
        for position, chosen in enumerate(selection.demonstrations, start=1)
    ]
