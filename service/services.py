"""What the routes work with, made once for an app and closed with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from redis import Redis
from starlette.requests import HTTPConnection

from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from index.catalog.engine import Catalog
from index.encoder_version import EncoderVersion
from index.pool import Pool
from index.pools import Pools
from index.recoding import Recode, RecodeFor, recode_by
from service.access.key_check import KeyCheck
from service.access.key_use import KeyUse
from service.access.rate_limits import RateLimits
from service.embedding.embedder import Embedder
from service.embedding.embedding_cache import EmbeddingCache, connect_redis
from service.embedding.encoder_shelf import EncoderLoader, EncoderShelf, check_fingerprint
from service.embedding.ending import Ending
from service.embedding.engine import Engine
from service.embedding.forward_lane import ForwardLane
from service.embedding.image_line import ImageLine
from service.embedding.image_work import ImageWork, carry_out
from service.embedding.warm_up import WarmUp
from service.http.threads_apart import ThreadsApart
from service.jobs.desk import JobDesk
from service.jobs.queue import JobQueue, open_queue
from service.metrics import Metrics
from service.replicas.notices import Notices
from service.settings import Settings
from service.store import open_store
from service.tracing.traces import Traces, open_traces

if TYPE_CHECKING:
    from encoders.adaptation.ranks import Ranks

__all__ = ["Services", "open_services", "services_in", "services_of"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Services:
    """Everything behind the routes.

    Attributes:
        settings: As given to `service.app.create_app`.
        pools: The pools of the data directory.
        store: The service's own tables.
        queue: Tells workers of jobs.
        jobs: Where jobs are handed in and asked after.
        encoders: Encoders by name.
        engine: Threads for the heavy work.
        lane: Runs the trunks, for all requests.
        line: Where the images of queries are decoded and wait for the lane.
        ending: Where queries that are alike are searched together.
        writes: Threads of what changes something.
        pictures: Threads of what fetches stored images.
        cache: Vectors of images seen before.
        metrics: What /metrics tells.
        warm_up: Whether the server can answer yet.
        key_check: Checks API keys, where they are asked for.
        notices: Tells other replicas that something was written.
        key_use: Notes when keys were used.
        rate_limits: Counts requests.
        ranks: The processes that share trainings with this one; None where it is alone.
        traces: Where spans go; None for nowhere.
    """

    settings: Settings
    pools: Pools
    store: Catalog
    queue: JobQueue
    jobs: JobDesk
    encoders: EncoderShelf
    engine: Engine
    lane: ForwardLane
    line: ImageLine
    ending: Ending
    writes: ThreadsApart
    pictures: ThreadsApart
    cache: EmbeddingCache
    metrics: Metrics
    warm_up: WarmUp
    key_check: KeyCheck
    notices: Notices
    key_use: KeyUse
    rate_limits: RateLimits
    ranks: Ranks | None = None
    traces: Traces | None = None

    @property
    def keys(self) -> Catalog | None:
        """The table of API keys; None when none are asked for."""
        return self.store if self.settings.asks_for_keys else None

    @property
    def image_limits(self) -> DecodeLimits:
        """How large an image may be."""
        return DecodeLimits(self.settings.max_image_bytes, self.settings.max_image_pixels)

    def embedder(self, encoder: str) -> Embedder:
        """What embeds images with an encoder, which is loaded if it wasn't.

        Raises:
            EncoderNotFoundError: This server doesn't serve it.
            EncoderUnavailableError: It can't be loaded.
        """
        return self._embedder(self.encoders.get(encoder))

    def pool_embedder(self, pool: Pool, version: EncoderVersion | None = None) -> Embedder:
        """What embeds images for a pool.

        Args:
            pool: The pool.
            version: By which of its encoder versions; None for the encoder that it was made with.

        Raises:
            FingerprintMismatchError: The encoder of that name has changed since the pool or the version was made.
            EncoderNotFoundError: This server doesn't serve it.
            EncoderUnavailableError: It can't be loaded.
        """
        if version is None:
            name, fingerprint, loaded = pool.encoder, pool.fingerprint, self.encoders.get(pool.encoder)
        else:
            name, fingerprint = version.encoder, version.fingerprint
            loaded = self.encoders.get_version(pool.key, version)
        check_fingerprint(fingerprint, loaded.identity.fingerprint, whose=f"the encoder {name}")
        return self._embedder(loaded)

    def pool_embedders(self, pool: Pool) -> list[Embedder]:
        """What embeds images for each of a pool's live encoder versions, number 1 first.

        Raises:
            FingerprintMismatchError, EncoderNotFoundError, EncoderUnavailableError: As `pool_embedder`.
        """
        live = pool.live()
        if len(live) == 1:
            self.encoders.adapted.forget(pool.key)
        return [self.pool_embedder(pool, version) for version in live]

    def recode_for(self, pool: Pool) -> RecodeFor:
        """What encodes a pool's demonstrations anew by its encoder versions; encoders are loaded when it is used."""

        def recode(version: EncoderVersion) -> Recode:
            embedder = self.pool_embedder(pool, version)
            return recode_by(embedder.encoder, pool.fingerprint, self.image_limits)

        return recode

    async def carry_out(self, begin: Callable[[], ImageWork[T]]) -> T:
        """Do work whose images have to pass; see `service.embedding.image_work.carry_out`."""
        return await carry_out(self.engine, self.line, self.ending, begin)

    def _embedder(self, encoder: Encoder) -> Embedder:
        return Embedder(encoder, self.image_limits, cache=self.cache, metrics=self.metrics, forward=self.lane.forward)

    def close(self) -> None:
        """Let running work finish, then close files and connections."""
        self.engine.close()
        self.key_use.close()
        self.rate_limits.close()
        self.line.close()
        self.lane.close()
        self.cache.close()
        self.pools.close()
        self.queue.close()
        self.store.close()
        if self.traces is not None:
            self.traces.close()


def open_services(settings: Settings, metrics: Metrics, load: EncoderLoader | None = None) -> Services:
    """Open the data directory and connect what is configured. Loads no encoder.

    Args:
        settings: Of the app.
        metrics: Of the app.
        load: Loads an encoder by name; the catalog of encoders when None.

    Raises:
        CatalogUnavailableError: The data directory or its database can't be opened.
        InvalidRequestError: Traces are asked for, and the extra `tracing` isn't installed.
    """
    traces = open_traces(settings)

    def from_catalog(name: str) -> Encoder:
        from encoders.catalog import load_encoder  # brings torch, which takes seconds: not before the server listens

        store = settings.data / "encoders"
        return load_encoder(name, store=store, device=settings.device, runtime=settings.runtime)

    encoders = EncoderShelf(settings.allowed_encoders, load or from_catalog, most_adapted=settings.adapted_encoders)
    redis: Redis | None = None if settings.redis_url is None else connect_redis(settings.redis_url)
    store = open_store(settings.data, settings.database_url)
    queue = open_queue(settings.data, settings.redis_url, store)
    pools = Pools(settings.data, database_url=settings.database_url, images_url=settings.images_url)
    notices = Notices(redis if store.remote else None, store.identity())
    pools.when_written(notices.send)
    engine = Engine(settings.worker_threads, settings.queue_limit, metrics)
    lane = ForwardLane(metrics)
    return Services(
        settings=settings,
        pools=pools,
        store=store,
        queue=queue,
        jobs=JobDesk(store, queue, settings.job_stale_seconds),
        encoders=encoders,
        engine=engine,
        lane=lane,
        line=ImageLine(settings.decode_threads, lane),
        ending=Ending(engine, max(1, settings.worker_threads // 2)),
        writes=ThreadsApart(),
        pictures=ThreadsApart(),
        cache=EmbeddingCache(settings.embedding_cache_bytes, redis, metrics),
        metrics=metrics,
        warm_up=WarmUp(encoders, settings.encoder),
        key_check=KeyCheck(store, settings.key_grace_seconds),
        notices=notices,
        key_use=KeyUse(store),
        rate_limits=RateLimits(settings, metrics),
        traces=traces,
    )


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that a request came to."""
    return services_in(connection.scope)


def services_in(scope: Mapping[str, Any]) -> Services:
    """The services of the app that an ASGI scope belongs to."""
    return cast(Services, scope["app"].state.services)
