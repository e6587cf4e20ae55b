"""The blocking client."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self, Unpack

import httpx2

from invariantselect.adaptation_methods import AdaptationMethods
from invariantselect.connection import DEFAULT_MAX_RETRIES, LIMITS, Connection
from invariantselect.evaluation_methods import EvaluationMethods
from invariantselect.flows import demonstrations as stored
from invariantselect.flows import encoders as encoding
from invariantselect.flows import pools as pooling
from invariantselect.flows import upload as uploading
from invariantselect.flows.batches import BATCH_BYTES
from invariantselect.flows.upload import BATCH_COUNT
from invariantselect.image_inputs import ImageInput
from invariantselect.inputs import DemonstrationChanges, Upsertable
from invariantselect.job_methods import JobMethods
from invariantselect.selection_methods import SelectionMethods
from invariantselect.transport import Transport
from invariantselect.wire.demonstrations import (
    BatchOutcome,
    Demonstration,
    DemonstrationList,
    DemonstrationPage,
    Outcome,
)
from invariantselect.wire.encoders import EmbeddingsResponse, EncoderInfo
from invariantselect.wire.pools import PoolInfo

__all__ = ["Client"]


class Client(AdaptationMethods, EvaluationMethods, JobMethods, SelectionMethods):
    """An invariantselect server, from Python. Threads may share one client.

    Every method raises subclasses of `InvariantSelectError`: the class that the server raised, `ConnectionFailedError`
    and `TimedOutError` when it wasn't reached or didn't answer, `UnexpectedResponseError` when something else answered.

    Args:
        base_url: Address of the server; otherwise ``INVARIANTSELECT_BASE_URL``, otherwise ``http://127.0.0.1:8000``.
        api_key: Key for servers that ask for one; otherwise ``INVARIANTSELECT_API_KEY``.
        timeout: Seconds to wait for each piece of an answer (not for the whole of it), or an `httpx2.Timeout`;
            60 unless given, of which 5 for connecting.
        max_retries: How often a request is repeated when that is safe and may help; 0 for never.
        http_client: An `httpx2.Client` of yours (proxies, certificates, limits). It is not closed here; its own
            timeout is not used.

    Raises:
        InvalidRequestError: An argument that can't be used.

    Example:
        ```python
        with Client("http://127.0.0.1:8000") as client:
            selection = client.select("animals", "query.png", k=4)
        ```
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float | httpx2.Timeout | None = None,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http_client: httpx2.Client | None = None,
    ) -> None:
        connection = Connection.to(base_url, api_key=api_key, timeout=timeout, max_retries=max_retries)
        self._owns_http = http_client is None
        self._transport = Transport(
            connection, http_client or httpx2.Client(limits=LIMITS, trust_env=not connection.stays_here)
        )

    def with_options(self, *, timeout: float | httpx2.Timeout | None = None, max_retries: int | None = None) -> Self:
        """A client with another patience over the same connections. Close the original, not this one."""
        other = copy.copy(self)
        other._owns_http = False
        other._transport = self._transport.over(
            self._transport.connection.changed(timeout=timeout, max_retries=max_retries)
        )
        return other

    def close(self) -> None:
        """Close the connections, unless they belong to an `http_client` of yours."""
        if self._owns_http:
            self._transport.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.connection.base_url!r})"

    # ── pools ────────────────────────────────────────────────────────────────────────────────────────────────────

    def pools(self) -> list[PoolInfo]:
        """All pools, by name."""
        return self._transport.run(pooling.pools())

    def pool(self, name: str) -> PoolInfo:
        """One pool: its encoder, labels, domains, size and snapshot."""
        return self._transport.run(pooling.pool(name))

    def create_pool(self, name: str, *, encoder: str | None = None) -> PoolInfo:
        """Make an empty pool. Repeated only when the server was never reached.

        Args:
            name: Letters, digits, ``.``, ``_`` and ``-``; at most 64.
            encoder: In whose space it is searched; None for the server's default.
        """
        return self._transport.run(pooling.create_pool(name, encoder))

    def drop_pool(self, name: str) -> None:
        """Delete a pool with all its demonstrations. Repeated only when the server was never reached."""
        self._transport.run(pooling.drop_pool(name))

    # ── demonstrations ───────────────────────────────────────────────────────────────────────────────────────────

    def upsert(
        self,
        pool: str,
        demonstrations: Iterable[Upsertable],
        *,
        batch_size: int = BATCH_COUNT,
        batch_bytes: int = BATCH_BYTES,
    ) -> BatchOutcome:
        """Insert demonstrations, or replace those whose id the pool has, in requests of a suitable size.

        A demonstration that can't be read or is refused has the status ``failed`` and leaves the others alone: look
        at ``failed`` of the result. After an exception, run it again: what is stored is not stored twice.

        Args:
            pool: Name of the pool.
            demonstrations: Any iterable; images are read a batch at a time.
            batch_size: Most demonstrations in a request, 1 to 1000.
            batch_bytes: Most bytes of images in a request; an image that alone is larger has a request of its own.
        """
        return self._transport.run(uploading.upsert(pool, demonstrations, count=batch_size, max_bytes=batch_bytes))

    def iterate_upsert(
        self,
        pool: str,
        demonstrations: Iterable[Upsertable],
        *,
        batch_size: int = BATCH_COUNT,
        batch_bytes: int = BATCH_BYTES,
    ) -> Iterator[Outcome]:
        """As `upsert`, but each outcome is yielded as soon as it is known. Nothing is sent until you iterate."""
        upload = uploading.Upload(pool, demonstrations, count=batch_size, max_bytes=batch_bytes)
        while outcomes := self._transport.run(upload.next_outcomes()):
            yield from outcomes

    def get(self, pool: str, id: str) -> Demonstration:
        """One stored demonstration."""
        return self._transport.run(stored.get(pool, id))

    def get_many(self, pool: str, ids: Iterable[str]) -> DemonstrationList:
        """Stored demonstrations in the order of their ids, and the ids that the pool doesn't have."""
        return self._transport.run(stored.get_many(pool, ids))

    def page(self, pool: str, *, cursor: str | None = None, limit: int | None = None) -> DemonstrationPage:
        """One page of demonstrations by id; ``next_cursor`` leads to the next and is None on the last."""
        return self._transport.run(stored.page(pool, cursor, limit))

    def iterate(self, pool: str, *, page_size: int | None = None) -> Iterator[Demonstration]:
        """All demonstrations of a pool by id, fetched a page at a time."""
        page = self.page(pool, limit=page_size)
        yield from page.demonstrations
        while page.next_cursor is not None:
            page = self.page(pool, cursor=page.next_cursor, limit=page_size)
            yield from page.demonstrations

    def patch(self, pool: str, id: str, **changes: Unpack[DemonstrationChanges]) -> Demonstration:
        """Change label, domain, group or metadata of a demonstration; None clears domain or group."""
        return self._transport.run(stored.patch(pool, id, **changes))

    def relabel(self, pool: str, labels: Mapping[str, str]) -> BatchOutcome:
        """Give demonstrations new labels, by id."""
        return self._transport.run(stored.relabel(pool, labels))

    def delete(self, pool: str, ids: str | Iterable[str]) -> BatchOutcome:
        """Delete demonstrations. After a repeat, one that the first attempt deleted may be reported as not found."""
        return self._transport.run(stored.delete(pool, ids))

    def image(self, pool: str, id: str) -> bytes:
        """The image file of a demonstration, byte for byte as it was upserted."""
        return self._transport.run(stored.image(pool, id))

    # ── encoders ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def embed(self, images: ImageInput | Iterable[ImageInput], *, model: str | None = None) -> EmbeddingsResponse:
        """Vectors of one image or several, L2-normalised, as lists of numbers in ``data[i].embedding``."""
        return self._transport.run(encoding.embed(images, model))

    def encoders(self) -> list[EncoderInfo]:
        """The encoders of the server."""
        return self._transport.run(encoding.encoders())

    def ready(self) -> bool:
        """Whether the server answers that it is ready; it is asked once and not waited for.

        Raises:
            ConnectionFailedError: There is no server.
        """
        return self._transport.run(encoding.ready())
