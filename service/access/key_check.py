"""Checking the API key of a request: asked of the database each time, so that a revoked key is useless at once.

While the database is away, a key that it vouched for a short time ago may go on reading. That lets nobody in who wasn't
in before, and ends by itself: the grace counts from the last time the database said yes. So a key that was revoked by
way of another replica, from which this one is cut off, works here for as long as the grace and no longer.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from datetime import UTC, datetime

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError
from service.access.keys import ApiKey, Scope, verify_key

__all__ = ["KeyCheck"]

_MOST = 10_000


class KeyCheck:
    """Thread-safe.

    Args:
        store: Where the keys are.
        grace_seconds: For how long a key may read after the database last vouched for it; 0 for not at all.
    """

    def __init__(self, store: Catalog, grace_seconds: float) -> None:
        self._store = store
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._vouched: OrderedDict[bytes, tuple[float, ApiKey]] = OrderedDict()

    def verify(self, presented: str, scope: Scope) -> ApiKey:
        """The key that a client presented.

        Args:
            presented: What was sent.
            scope: What it is to be used for.

        Raises:
            UnauthenticatedError: Unknown, wrong or revoked; which of them is not told.
            CatalogUnavailableError: The database doesn't answer, and this isn't a key that may read without it.
        """
        digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).digest()
        try:
            key = verify_key(self._store, presented)
        except CatalogUnavailableError:
            known = self._known(digest)
            if known is None or scope != "read":
                raise
            return known
        except Exception:
            with self._lock:
                self._vouched.pop(digest, None)
            raise
        with self._lock:
            self._vouched[digest] = (time.monotonic(), key)
            self._vouched.move_to_end(digest)
            if len(self._vouched) > _MOST:
                self._vouched.popitem(last=False)
        return key

    def _known(self, digest: bytes) -> ApiKey | None:
        with self._lock:
            vouched_at, key = self._vouched.get(digest, (0.0, None))
        if key is None or time.monotonic() - vouched_at >= self._grace or not key.works(datetime.now(UTC)):
            return None
        return key
