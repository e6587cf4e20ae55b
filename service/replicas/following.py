"""Beside a server whose catalog others write to: loads what they wrote before anybody asks for it."""

from __future__ import annotations

import threading

import structlog

from index.pool import Pool
from invariantselect.errors import CatalogUnavailableError, InvariantSelectError
from service.services import Services

__all__ = ["Following"]

_log = structlog.get_logger("service.replicas.following")

_SECONDS = 0.5  # between looks, where no notice comes


class Following:
    """A thread that looks at the catalog twice a second, and at each notice.

    Only where the catalog is in PostgreSQL; a search asks for the version of its pool all the same, so this decides
    when a snapshot is loaded and never which one is searched.

    Args:
        services: Of the server.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="following", daemon=True)

    def begin(self) -> None:
        """Start to look."""
        if self._services.store.remote:
            self._thread.start()

    def end(self) -> None:
        """Stop, and wait for what is being loaded."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._services.notices.close()

    def _follow(self) -> None:
        while not self._closing.is_set():
            self._look()
            self._services.notices.wait(_SECONDS, self._closing)

    def _look(self) -> None:
        services = self._services
        try:
            for pool in services.pools.catch_up():
                services.metrics.followed.inc()
                self._load_encoder(pool)
        except CatalogUnavailableError:
            pass  # `service.replicas.catalog_watch` tells of it
        except InvariantSelectError as error:  # whoever searches that pool is told
            _log.warning("snapshot_not_loaded", error=error.detail)
        except Exception:  # noqa: BLE001 -- a defect here mustn't end the looking
            _log.exception("following_failed")

    def _load_encoder(self, pool: Pool) -> None:
        """After a switch elsewhere the next query needs another encoder; only where one is in use."""
        together = pool.last_snapshots()
        if together is None or together.serving is None or not self._services.encoders.adapted.holds(pool.key):
            return
        self._services.pool_embedder(pool, together.serving)
