"""The last day on which each key was used, so that forgotten ones are found. Written beside the requests, by none."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import structlog
from sqlalchemy import or_, update

from index.catalog.engine import Catalog
from invariantselect.errors import InvariantSelectError
from service.access.keys import ApiKey
from service.tables import api_keys

__all__ = ["KeyUse"]

_log = structlog.get_logger("service.access.key_use")


class KeyUse:
    """Notes that keys are used: at most one write a day and key. Thread-safe.

    Args:
        store: Where the keys are.
    """

    def __init__(self, store: Catalog) -> None:
        self._store = store
        self._noted: dict[str, date] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="key-use")

    def note(self, key: ApiKey) -> None:
        """Say that a key was used just now, as its row was when it was verified. Doesn't wait for the write."""
        today = datetime.now(UTC).date()
        if key.last_used_on == today:
            return
        with self._lock:
            if self._noted.get(key.id) == today:
                return
            self._noted[key.id] = today
        self._thread.submit(self._write, key.id, today)

    def close(self) -> None:
        """Write what was noted, then stop."""
        self._thread.shutdown(wait=True)

    def _write(self, id: str, today: date) -> None:
        earlier = or_(api_keys.c.last_used_on.is_(None), api_keys.c.last_used_on < today)
        try:
            with self._store.writing() as connection:
                connection.execute(update(api_keys).where(api_keys.c.id == id, earlier).values(last_used_on=today))
        except InvariantSelectError as error:  # not tried again today: a day more or less is no matter
            _log.warning("key_use_not_noted", key=id, error=error.detail)
