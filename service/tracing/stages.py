"""What the stages tell of themselves: nothing, at the cost of a look-up, where the request or job isn't traced.

A stage is told when it is over, from what it measured: so it costs nothing while it runs, and an image that shared a
forward pass with those of other requests is told with its own share.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from invariantselect.errors import InvariantSelectError
from invariantselect.wire.selections import Selection
from service.tracing.traces import ACTIVE, Attributes

if TYPE_CHECKING:
    from service.embedding.trunk_passes import Passed

__all__ = ["tell_passes", "tell_selections"]


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
    sound = [each for each in passed if not isinstance(each, InvariantSelectError)]
    decode_ms, encode_ms = sum(each.decode_ms for each in sound), sum(each.encode_ms for each in sound)
    images = sum(each.decode_ms > 0 for each in sound)
    if decode_ms:
        told = {"images": images, "broken": len(passed) - len(sound), "busy_ms": decode_ms}
        active[0].stage("decode", began, min(began + _ns(decode_ms), now), told)
    if encode_ms:
        active[0].stage("encode", max(now - _ns(encode_ms), began), now, {"images": images, "busy_ms": encode_ms})


def tell_selections(made: Sequence[Selection]) -> None:
    """Selections were made just now: a span for their searches, and one for all else.

    Args:
        made: Of one request; their searches may have been shared with other requests, and then these are shares.
    """
    active = ACTIVE.get()
    if active is None or not made:
        return
    now = time.time_ns()
    begun = now - _ns(sum(each.timings.select_ms for each in made))
    told: Attributes = {"strategy": made[0].strategy, "selections": len(made)}
    active[0].stage("search", begun - _ns(sum(each.timings.search_ms for each in made)), begun, told)
    active[0].stage("select", begun, now, told)


def _ns(milliseconds: float) -> int:
    return int(milliseconds * 1e6)
