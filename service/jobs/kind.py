"""What a kind of job is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from service.jobs.context import JobContext

__all__ = ["JobKind"]

RequestT = TypeVar("RequestT", bound=BaseModel)


@dataclass(frozen=True)
class JobKind(Generic[RequestT]):
    """A kind of job: what it is asked, and what it does.

    `run` may be begun more than once for one job, when a worker died or the job was retried. It then finds in
    `context.folder` what it wrote there before, and what it has done to a pool must not be done twice.

    Attributes:
        name: As it stands in the table and over the wire.
        request: What it is asked, a wire type.
        run: Does it; returns what came of it, as JSON has it. It calls `context.check()` every second or so, and lets
            pass what that raises. An `InvariantSelectError` fails the job with its problem; anything else is a defect.
    """

    name: str
    request: type[RequestT]
    run: Callable[[JobContext, RequestT], dict[str, Any]]
