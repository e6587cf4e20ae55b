"""The methods of the asyncio client that choose demonstrations, told in `invariantselect.selection_methods`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Unpack

from invariantselect.async_transport import AsyncTransport
from invariantselect.comparison import Comparison
from invariantselect.flows import selecting
from invariantselect.inputs import ComparisonKeywords, QueryInput, SelectionKeywords
from invariantselect.selection import Selection
from invariantselect.wire.options import CentreQueries, Strategy
from invariantselect.wire.selections import SelectionFailure

__all__ = ["AsyncSelectionMethods"]


class AsyncSelectionMethods:
    """`SelectionMethods` for asyncio."""

    _transport: AsyncTransport

    async def select(
        self, pool: str, query: QueryInput, *, images: bool = True, **options: Unpack[SelectionKeywords]
    ) -> Selection:
        """As `Client.select`."""
        return await self._transport.run(selecting.select(pool, query, images=images, **options))

    async def select_batch(
        self,
        pool: str,
        queries: Iterable[QueryInput],
        *,
        images: bool = True,
        centre_queries: CentreQueries = "never",
        **options: Unpack[SelectionKeywords],
    ) -> list[Selection | SelectionFailure]:
        """As `Client.select_batch`."""
        return await self._transport.run(
            selecting.select_batch(pool, queries, images=images, centre_queries=centre_queries, **options)
        )

    async def compare(
        self,
        pool: str,
        query: QueryInput,
        *,
        strategies: Sequence[Strategy] = ("topk_nearest", "invariant_select"),
        images: bool = True,
        **options: Unpack[ComparisonKeywords],
    ) -> Comparison:
        """As `Client.compare`."""
        return await self._transport.run(
            selecting.compare(pool, query, strategies=strategies, images=images, **options)
        )
