"""The client for asyncio. What each method does is told in `invariantselect.client`."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Self, Unpack

import httpx2

from invariantselect.async_adaptation_methods import AsyncAdaptationMethods
from invariantselect.async_evaluation_methods import AsyncEvaluationMethods
from invariantselect.async_job_methods import AsyncJobMethods
from invariantselect.async_selection_methods import AsyncSelectionMethods
from invariantselect.async_transport import AsyncTransport
from invariantselect.connection import DEFAULT_MAX_RETRIES, LIMITS, Connection
from invariantselect.flows import demonstrations as stored
from invariantselect.flows import encoders as encoding
from invariantselect.flows import pools as pooling
from invariantselect.flows import upload as uploading
from invariantselect.flows.batches import BATCH_BYTES
from invariantselect.flows.upload import BATCH_COUNT
from invariantselect.image_inputs import ImageInput
from invariantselect.inputs import DemonstrationChanges, Upsertable
from invariantselect.wire.demonstrations import (
    BatchOutcome,
    Demonstration,
    DemonstrationList,
    DemonstrationPage,
    Outcome,
)
from invariantselect.wire.encoders import EmbeddingsResponse, EncoderInfo
from invariantselect.wire.pools import PoolInfo

__all__ = ["AsyncClient"]


class AsyncClient(AsyncAdaptationMethods, AsyncEvaluationMethods, AsyncJobMethods, AsyncSelectionMethods):
    """`Client` for asyncio: the same arguments, methods, results and errors; every call is awaited.

    Any number of tasks may share one client. Files are read in threads, images fetched concurrently.

    Args:
        base_url: As for `Client`.
        api_key: As for `Client`.
        timeout: As for `Client`.
        max_retries: As for `Client`.
        http_client: An `httpx2.AsyncClient` of yours; not closed here.

    Example:
        ```python
        async with AsyncClient("http://127.0.0.1:8000") as client:
            selection = await client.select("animals", "query.png", k=4)
        ```
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | httpx2.Timeout | None = None,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        connection = Connection.to(base_url, api_key=api_key, timeout=timeout, max_retries=max_retries)
        self._owns_http = http_client is None
        self._transport = AsyncTransport(
            connection, http_client or httpx2.AsyncClient(limits=LIMITS, trust_env=not connection.stays_here)
        )

    def with_options(self, *, timeout: float | httpx2.Timeout | None = None, max_retries: int | None = None) -> Self:
        """As `Client.with_options`."""
        other = copy.copy(self)
        other._owns_http = False
        other._transport = self._transport.over(
            self._transport.connection.changed(timeout=timeout, max_retries=max_retries)
        )
        return other

    async def aclose(self) -> None:
        """As `Client.close`."""
        if self._owns_http:
            await self._transport.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.connection.base_url!r})"

    # ── pools ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def pools(self) -> list[PoolInfo]:
        """As `Client.pools`."""
        return await self._transport.run(pooling.pools())

    async def pool(self, name: str) -> PoolInfo:
        """As `Client.pool`."""
        return await self._transport.run(pooling.pool(name))

    async def create_pool(self, name: str, *, encoder: str | None = None) -> PoolInfo:
        """As `Client.create_pool`."""
        return await self._transport.run(pooling.create_pool(name, encoder))

    async def drop_pool(self, name: str) -> None:
        """As `Client.drop_pool`."""
        await self._transport.run(pooling.drop_pool(name))

    # ── demonstrations ───────────────────────────────────────────────────────────────────────────────────────────

    async def upsert(
        self,
        pool: str,
        demonstrations: Iterable[Upsertable],
        *,
        batch_size: int = BATCH_COUNT,
        batch_bytes: int = BATCH_BYTES,
    ) -> BatchOutcome:
        """As `Client.upsert`."""
        return await self._transport.run(
            uploading.upsert(pool, demonstrations, count=batch_size, max_bytes=batch_bytes)
        )

    async def iterate_upsert(
        self,
        pool: str,
        demonstrations: Iterable[Upsertable],
        *,
        batch_size: int = BATCH_COUNT,
        batch_bytes: int = BATCH_BYTES,
    ) -> AsyncIterator[Outcome]:
        """As `Client.iterate_upsert`."""
        upload = uploading.Upload(pool, demonstrations, count=batch_size, max_bytes=batch_bytes)
        while outcomes := await self._transport.run(upload.next_outcomes()):
            for outcome in outcomes:
                yield outcome

    async def get(self, pool: str, id: str) -> Demonstration:
        """As `Client.get`."""
        return await self._transport.run(stored.get(pool, id))

    async def get_many(self, pool: str, ids: Iterable[str]) -> DemonstrationList:
        """As `Client.get_many`."""
        return await self._transport.run(stored.get_many(pool, ids))

    async def page(self, pool: str, *, cursor: str | None = None, limit: int | None = None) -> DemonstrationPage:
        """As `Client.page`."""
        return await self._transport.run(stored.page(pool, cursor, limit))

    async def iterate(self, pool: str, *, page_size: int | None = None) -> AsyncIterator[Demonstration]:
        """As `Client.iterate`."""
        page = await self.page(pool, limit=page_size)
        for demonstration in page.demonstrations:
            yield demonstration
        while page.next_cursor is not None:
            page = await self.page(pool, cursor=page.next_cursor, limit=page_size)
            for demonstration in page.demonstrations:
                yield demonstration

    async def patch(self, pool: str, id: str, **changes: Unpack[DemonstrationChanges]) -> Demonstration:
        """As `Client.patch`."""
        return await self._transport.run(stored.patch(pool, id, **changes))

    async def relabel(self, pool: str, labels: Mapping[str, str]) -> BatchOutcome:
        """As `Client.relabel`."""
        return await self._transport.run(stored.relabel(pool, labels))

    async def delete(self, pool: str, ids: str | Iterable[str]) -> BatchOutcome:
        """As `Client.delete`."""
        return await self._transport.run(stored.delete(pool, ids))

    async def image(self, pool: str, id: str) -> bytes:
        """As `Client.image`."""
        return await self._transport.run(stored.image(pool, id))

    # ── encoders ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def embed(self, images: ImageInput | Iterable[ImageInput], *, model: str | None = None) -> EmbeddingsResponse:
        """As `Client.embed`."""
        return await self._transport.run(encoding.embed(images, model))

    async def encoders(self) -> list[EncoderInfo]:
        """As `Client.encoders`."""
        return await self._transport.run(encoding.encoders())

    async def ready(self) -> bool:
        """As `Client.ready`."""
        return await self._transport.run(encoding.ready())
