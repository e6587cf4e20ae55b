"""What the stages tell of themselves: nothing, at the cost of a look-up, where the request or job isn't traced.

A stage is told when it is over, from what it measured: so it costs nothing while it runs, and an image that shared a
forward pass with those of other requests is told with its own share.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from index.selection.select import Chosen
from invariantselect.errors import InvariantSelectError
from service.tracing.traces import ACTIVE, Attributes
from service.trunk_passes import Passed

__all__ = ["tell_choice", "tell_passes"]


def tell_passes(began: int, passed: Sequence[Passed | InvariantSelectError]) -> None:
    """Images were decoded and encoded just now: where that took time, a span each.

    Args:
        began: In nanoseconds since the epoch.
        passed: What came of the images. What they took is the sum over all, and may be more than the time that went by.
    """
    active = ACTIVE.get()
    if active is None:
        return
    now = time.time_ns()
    sound = [each for each in passed if isinstance(each, Passed)]
    decode_ms, encode_ms = sum(each.decode_ms for each in sound), sum(each.encode_ms for each in sound)
    images = sum(each.decode_ms > 0 for each in sound)
    if decode_ms:
        told = {"images": images, "broken": len(passed) - len(sound), "busy_ms": decode_ms}
        active[0].stage("decode", began, min(began + _ns(decode_ms), now), told)
    if encode_ms:
        active[0].stage("encode", max(now - _ns(encode_ms), began), now, {"images": images, "busy_ms": encode_ms})


def tell_choice(began: int, strategy: str, chosen: Sequence[Chosen]) -> None:
    """Demonstrations were searched and selected just now, for some queries at once.

    Args:
        began: In nanoseconds since the epoch.
        strategy: By which.
        chosen: For each query.
    """
    active = ACTIVE.get()
    if active is None:
        return
    now = time.time_ns()
    searched = min(began + _ns(sum(each.search_ms for each in chosen)), now)
    told: Attributes = {"strategy": strategy, "queries": len(chosen)}
    active[0].stage("search", began, searched, told)
    active[0].stage("select", searched, now, told)


def _ns(milliseconds: float) -> int:
    return int(milliseconds * 1e6)
