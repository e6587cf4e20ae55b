"""Whether this server can answer queries, and from what."""

from __future__ import annotations

from typing import Literal

from invariantselect.errors import NotReadyError
from service.services import Services

__all__ = ["readiness"]


def readiness(services: Services, *, closing: bool) -> Literal["ok", "stale"]:
    """``ok``, or ``stale`` while the catalog doesn't answer and queries are answered from the last snapshots.

    Raises:
        NotReadyError: It is stopping, or no picture has gone through the encoder yet, or there is neither a catalog nor
            a snapshot.
    """
    if closing:
        raise NotReadyError("the server is stopping", hint="Send requests to another server, or come again.")
    services.warm_up.check(tell_why=services.keys is None)  # where keys are asked for, anybody may ask this
    if services.pools.lost_seconds is None and services.store.lost_seconds is None:
        return "ok"
    if not services.pools.searchable:
        raise NotReadyError("the catalog doesn't answer, and no pool is loaded that could be searched without it")
    return "stale"
