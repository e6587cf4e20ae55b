"""What the adapters need of a client; `invariantselect.Client` and `AsyncClient` have it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Unpack

from invariantselect.inputs import QueryInput, SelectionKeywords, Upsertable
from invariantselect.selection import Selection
from invariantselect.wire.demonstrations import BatchOutcome

__all__ = ["SelectingAsyncClient", "SelectingClient"]


class SelectingClient(Protocol):
    """Selects and upserts, blocking."""

    def select(
        self, pool: str, query: QueryInput, *, images: bool = True, **options: Unpack[SelectionKeywords]
    ) -> Selection:
        """Choose demonstrations for a query."""
        ...

    def upsert(self, pool: str, demonstrations: Iterable[Upsertable]) -> BatchOutcome:
        """Insert or replace demonstrations."""
        ...


class SelectingAsyncClient(Protocol):
    """The same, awaited."""

    async def select(
        self, pool: str, query: QueryInput, *, images: bool = True, **options: Unpack[SelectionKeywords]
    ) -> Selection:
        """Choose demonstrations for a query."""
        ...

    async def upsert(self, pool: str, demonstrations: Iterable[Upsertable]) -> BatchOutcome:
        """Insert or replace demonstrations."""
        ...
