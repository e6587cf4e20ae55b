"""Beside a server whose catalog is in PostgreSQL: knows whether it is there, also when nobody asks anything of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLateError

import structlog

from invariantselect.errors import CatalogUnavailableError
from service.services import Services

__all__ = ["CatalogWatch"]

_log = structlog.get_logger("service.replicas.catalog_watch")

_SECONDS = 0.5  # between questions
_PATIENCE = 10.0  # a database that takes longer over one row doesn't answer, though its machine may still take packets


class CatalogWatch:
    """Asks twice a second. A database that is frozen is treated as one that is gone: who waits for it is let go.

    Args:
        services: Of the server.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._closing = threading.Event()
        self._lost = False
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="catalog-watch")
        self._thread = threading.Thread(target=self._watch, name="catalog-watch", daemon=True)

    def begin(self) -> None:
        """Start to ask."""
        if self._services.store.remote:
            self._thread.start()

    def end(self) -> None:
        """Stop."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._asking.shutdown()

    def _watch(self) -> None:
        while not self._closing.wait(_SECONDS):
            self._tell(self._answers())

    def _answers(self) -> bool:
        asked = self._asking.submit(self._ask)
        try:
            asked.result(_PATIENCE)
        except TooLateError:
            self._services.pools.give_up()
            self._services.store.give_up()
            return False
        except CatalogUnavailableError:
            # Somebody else's turn to try, who may be waiting for a database that is still frozen.
            self._services.pools.let_go(_PATIENCE)
            self._services.store.let_go(_PATIENCE)
            return False
        return True

    def _ask(self) -> None:
        self._services.pools.ask()
        self._services.store.ask()  # which knows of an outage by itself, and may have no other visitor

    def _tell(self, answers: bool) -> None:
        lost_seconds = self._services.pools.lost_seconds
        self._services.metrics.catalog_lost.set(0 if answers else lost_seconds or 0)
        if answers == self._lost:
            self._lost = not answers
            if self._lost:
                because = self._services.pools.lost_because
                _log.error("catalog_lost", error=because, consequence="queries get the last snapshots, writes 503")
            else:
                _log.info("catalog_found_again")
