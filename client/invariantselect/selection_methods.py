"""The methods of the blocking client that choose demonstrations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Unpack

from invariantselect.comparison import Comparison
from invariantselect.flows import selecting
from invariantselect.inputs import ComparisonKeywords, QueryInput, SelectionKeywords
from invariantselect.selection import Selection
from invariantselect.transport import Transport
from invariantselect.wire.options import CentreQueries, Strategy
from invariantselect.wire.selections import SelectionFailure

__all__ = ["SelectionMethods"]


class SelectionMethods:
    """Demonstrations for queries: for one, for many, by several strategies."""

    _transport: Transport

    def select(
        self, pool: str, query: QueryInput, *, images: bool = True, **options: Unpack[SelectionKeywords]
    ) -> Selection:
        """Choose demonstrations for a query.

        Args:
            pool: Name of the pool.
            query: An image (path, bytes, open file, Pillow image, data URI), an `ImageQuery` with group or domain, or
                a `Query` by stored id or by vector.
            images: Fetch the images of the chosen, which prompts need; False saves k small requests.
            **options: Those of `SelectionOptions`: ``k``, ``strategy``, ``where``, ``label_balance``, ``order``, …
        """
        return self._transport.run(selecting.select(pool, query, images=images, **options))

    def select_batch(
        self,
        pool: str,
        queries: Iterable[QueryInput],
        *,
        images: bool = True,
        centre_queries: CentreQueries = "never",
        **options: Unpack[SelectionKeywords],
    ) -> list[Selection | SelectionFailure]:
        """As `select` for many queries with the same options; a query that fails leaves the others alone.

        Args:
            pool: Name of the pool.
            queries: Any iterable; images are read a request at a time.
            images: As for `select`.
            centre_queries: ``"by_domain"`` centres the images of a domain that the adapted encoder doesn't know by
                what they share, in each request of at most 256 queries; only with ``invariant_select``.
            **options: As for `select`.
        """
        return self._transport.run(
            selecting.select_batch(pool, queries, images=images, centre_queries=centre_queries, **options)
        )

    def compare(
        self,
        pool: str,
        query: QueryInput,
        *,
        strategies: Sequence[Strategy] = ("topk_nearest", "invariant_select"),
        images: bool = True,
        **options: Unpack[ComparisonKeywords],
    ) -> Comparison:
        """Choose demonstrations for a query with several strategies, from one request; the image is encoded once.

        Args:
            pool: Name of the pool.
            query: As for `select`.
            strategies: Each once; their order is that of the answer.
            images: As for `select`.
            **options: As for `select` without ``strategy``; the same for all strategies.
        """
        return self._transport.run(selecting.compare(pool, query, strategies=strategies, images=images, **options))
