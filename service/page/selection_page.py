"""One selection as one HTML file that needs nothing else: no script, no font, no request to anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from invariantselect.wire import Selected, Selection, SelectionOptions
from service.page.thumbnail import Thumbnail

__all__ = ["QueryView", "render_selection"]

_HUES = 8  # how many label colours style.css defines


@dataclass(frozen=True)
class QueryView:
    """What the page shows of the query.

    Attributes:
        name: A file name or a demonstration's id.
        thumbnail: Its picture; None for a query by vector.
        label: The true label where it is known; demonstrations that share it are marked.
        domain: Where the image comes from, if known.
        group: Its patient or slide, if known.
    """

    name: str
    thumbnail: Thumbnail | None = None
    label: str | None = None
    domain: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class _Card:
    """One demonstration as the template shows it; `fill` is the length of its score bar in percent."""

    position: int
    chosen: Selected
    thumbnail: Thumbnail | None
    hue: int
    fill: float
    same_label: bool


def render_selection(
    selection: Selection,
    options: SelectionOptions,
    query: QueryView,
    thumbnails: Mapping[str, Thumbnail],
) -> str:
    """The page as text, to be written as UTF-8.

    Ids, labels and metadata are hostile: everything is escaped, and the page's own policy forbids scripts, foreign
    resources and every style but the one it carries.

    Args:
        selection: The answer, its demonstrations in prompt order.
        options: What was asked for.
        query: The query's picture and what is known of it.
        thumbnails: Pictures by demonstration id; one that is missing gets a placeholder.
    """
    counts = Counter(chosen.label for chosen in selection.demonstrations)
    labels = sorted(counts, key=lambda label: (-counts[label], label))
    hues = {label: place % _HUES for place, label in enumerate(labels)}
    style = _style()
    return _template().render(
        selection=selection,
        query=query,
        cards=_cards(selection, query, thumbnails, hues),
        labels=[(label, counts[label], hues[label]) for label in labels],
        asked=_asked(options),
        style=Markup(style),  # noqa: S704 – our own file, not the user's text
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
    )


def _cards(
    selection: Selection, query: QueryView, thumbnails: Mapping[str, Thumbnail], hues: Mapping[str, int]
) -> list[_Card]:
    return [
        _Card(
            position=position,
            chosen=chosen,
            thumbnail=thumbnails.get(chosen.id),
            hue=hues[chosen.label],
            fill=round(100 * min(1.0, max(0.0, chosen.score)), 1),
            same_label=query.label is not None and chosen.label == query.label,
        )
        for position, chosen in enumerate(selection.demonstrations, start=1)
    ]


def _asked(options: SelectionOptions) -> list[tuple[str, str]]:
    """The options as names and values, k, strategy and order always, the others where they differ from the default."""
    asked = options.model_dump(mode="json", by_alias=True)
    default = SelectionOptions().model_dump(mode="json", by_alias=True)
    first = ["k", "strategy", "order"]
    changed = [name for name in default if name not in first and asked[name] != default[name]]
    return [
        (name, asked[name] if isinstance(asked[name], str) else json.dumps(asked[name], ensure_ascii=False))
        for name in [*first, *changed]
    ]


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files("service.page").joinpath("selection.html").read_text(encoding="utf-8"))


@cache
def _style() -> str:
    return files("service.page").joinpath("style.css").read_text(encoding="utf-8")
