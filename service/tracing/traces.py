"""What tracing is to the rest of the service, whatever is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["ACTIVE", "Attributes", "Caller", "Root", "Traces", "open_traces"]

Attributes: TypeAlias = Mapping[str, str | int | float | bool]

Caller: TypeAlias = Mapping[str, str]
"""What a caller said of its trace: the headers ``traceparent`` and ``tracestate`` of W3C Trace Context."""


class Root(Protocol):
    """The span of a request or of a job."""

    trace_id: str
    """32 hexadecimal digits."""

    def name(self, name: str) -> None:
        """Name it anew, once it is known what it is."""

    def add(self, attributes: Attributes) -> None:
        """Add to what is known of it."""

    def happened(self, name: str) -> None:
        """Something happened within it just now."""

    def failed(self) -> None:
        """It ended badly, by our own doing."""


class Traces(Protocol):
    """Where spans go."""

    def root(
        self, name: str, kind: Literal["server", "consumer"], caller: Caller, attributes: Attributes
    ) -> AbstractContextManager[Root]:
        """A span around a block, below that of a caller who named one. Spans made within the block are below it."""

    def stage(self, name: str, began: int, ended: int, attributes: Attributes) -> None:
        """A span that is over, below the one at hand.

        Args:
            name: Of the stage.
            began: In nanoseconds since the epoch.
            ended: Likewise.
            attributes: What is known of it.
        """

    def caller(self) -> Caller:
        """What the one at hand tells those whom it calls."""

    def close(self) -> None:
        """Send what wasn't sent yet; gives up within seconds where nobody takes it."""


ACTIVE: ContextVar[tuple[Traces, Root] | None] = ContextVar("active_traces", default=None)
"""Of the request or job at hand; None where it isn't traced. Threads of the engine have a copy of its context."""


def open_traces(settings: Settings) -> Traces | None:
    """What sends spans to the collector of the settings; None where there is none.

    Raises:
        InvalidRequestError: The extra isn't installed.
    """
    if settings.otlp_endpoint is None:
        return None
    from service.tracing.otlp import traces_to

    return traces_to(settings.otlp_endpoint, settings.trace_share)
