"""Adaptation: hand it in, look at the encoder versions, go back, discard one."""

from __future__ import annotations

from collections.abc import Mapping

from invariantselect.calls import Call, Flow, one
from invariantselect.checking import body, checked, nothing, reader
from invariantselect.flows.jobs import handed_in
from invariantselect.flows.paths import pool_path
from invariantselect.wire.adaptation import (
    AdaptRequest,
    DepthName,
    EncoderVersionList,
    EncoderVersionNumber,
    RollbackRequest,
)
from invariantselect.wire.jobs import Job
from invariantselect.wire.objectives import ObjectiveName, ObjectiveOption

__all__ = ["adapt", "discard_encoder_version", "encoder_versions", "rollback"]


def adapt(
    pool: str,
    *,
    depth: DepthName,
    objective: ObjectiveName,
    options: Mapping[str, ObjectiveOption] | None,
    budget_seconds: float,
    blocks: int | None,
    seed: int,
    force: bool,
    idempotency_key: str | None,
) -> Flow[Job]:
    """Hand in an adaptation. Repeatable: the key says that it is the same request."""
    request = checked(
        AdaptRequest,
        depth=depth,
        objective=objective,
        options=dict(options or {}),
        budget_seconds=budget_seconds,
        blocks=blocks,
        seed=seed,
        force=force,
    )
    return (yield from one(handed_in(f"{pool_path(pool)}/adapt", body(request), idempotency_key)))


def encoder_versions(pool: str) -> Flow[EncoderVersionList]:
    """The encoder versions of a pool."""
    return (yield from one(Call("GET", f"{pool_path(pool)}/encoders", reader(EncoderVersionList), repeatable=True)))


def rollback(pool: str, to: int | None) -> Flow[EncoderVersionList]:
    """Let an earlier version serve. Not repeatable: without a number, twice goes back twice."""
    content = body(checked(RollbackRequest, **({} if to is None else {"to": to})))
    read = reader(EncoderVersionList)
    return (yield from one(Call("POST", f"{pool_path(pool)}/rollback", read, repeatable=False, body=content)))


def discard_encoder_version(pool: str, number: int) -> Flow[None]:
    """Remove a version. Not repeatable: a repeat would answer that there is none."""
    number = checked(EncoderVersionNumber, version=number).version
    return (yield from one(Call("DELETE", f"{pool_path(pool)}/encoders/{number}", nothing, repeatable=False)))
