"""The span of the request or job at hand; where it isn't traced, nothing happens here."""

from __future__ import annotations

from service.tracing.traces import ACTIVE, Attributes, Caller

__all__ = ["caller", "happened", "note"]


def note(attributes: Attributes, *, failed: bool = False) -> None:
    """Add to what is known of the request or job at hand.

    Args:
        attributes: No text that somebody sent.
        failed: Whether it ended badly, by our own doing.
    """
    active = ACTIVE.get()
    if active is not None:
        active[1].add(attributes)
        if failed:
            active[1].failed()


def happened(name: str) -> None:
    """Something happened in the job at hand."""
    active = ACTIVE.get()
    if active is not None:
        active[1].happened(name)


def caller() -> Caller:
    """What the request at hand tells of its trace to whoever goes on with it; nothing where it isn't traced."""
    active = ACTIVE.get()
    return {} if active is None else active[0].caller()
