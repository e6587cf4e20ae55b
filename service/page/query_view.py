"""What a page shows of the query."""

from __future__ import annotations

from dataclasses import dataclass

from service.page.thumbnail import Thumbnail

__all__ = ["QueryView"]


@dataclass(frozen=True)
class QueryView:
    """What a page shows of the query.

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
