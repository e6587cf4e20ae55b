"""OpenTelemetry behind `service.tracing.traces`: spans in batches, over HTTP, by the vendor's own packages.

Sources: W3C Trace Context, https://www.w3.org/TR/trace-context/; OTLP, https://opentelemetry.io/docs/specs/otlp/.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from invariantselect.errors import InvalidRequestError
from service.code_version import code_version
from service.tracing.traces import ACTIVE, Attributes, Caller

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as missing:
    raise InvalidRequestError(
        f"INVARIANTSELECT_OTLP_ENDPOINT is set, and {missing.name} is not installed",
        hint="Install the extra: pip install 'invariantselect-server[tracing]', or unset the variable.",
    ) from missing

__all__ = ["OtlpTraces", "provider", "traces_to"]

_SEND_SECONDS = 5.0  # a collector that is down must not hold up a server that ends
_KINDS = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER}
_W3C = TraceContextTextMapPropagator()


class _Root:
    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace_id = f"{span.get_span_context().trace_id:032x}"

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def add(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def happened(self, name: str) -> None:
        self._span.add_event(name)

    def failed(self) -> None:
        self._span.set_status(Status(StatusCode.ERROR))


class OtlpTraces:
    """See `service.tracing.traces.Traces`. Thread-safe.

    Args:
        provider: What takes the spans; closed with this. Never the process's global one, so that two apps stay apart.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("invariantselect")

    @contextmanager
    def root(
        self, name: str, kind: Literal["server", "consumer"], caller: Caller, attributes: Attributes
    ) -> Iterator[_Root]:
        """See `service.tracing.traces.Traces.root`."""
        with self._tracer.start_as_current_span(
            name,
            context=_W3C.extract(caller) if caller else None,
            kind=_KINDS[kind],
            attributes=attributes,
            record_exception=False,  # its text may name what a trace must not
            set_status_on_exception=False,
        ) as span:
            root = _Root(span)
            before = ACTIVE.set((self, root))
            try:
                yield root
            finally:
                ACTIVE.reset(before)

    def stage(self, name: str, began: int, ended: int, attributes: Attributes) -> None:
        """See `service.tracing.traces.Traces.stage`."""
        self._tracer.start_span(name, start_time=began, attributes=attributes).end(ended)

    def caller(self) -> Caller:
        """See `service.tracing.traces.Traces.caller`."""
        told: dict[str, str] = {}
        _W3C.inject(told)
        return told

    def close(self) -> None:
        """See `service.tracing.traces.Traces.close`."""
        self._provider.shutdown()


def provider(exporter: SpanExporter, share: float) -> TracerProvider:
    """What samples and sends spans in batches.

    Args:
        exporter: Sends them.
        share: Of the requests that are traced where no caller has decided.
    """
    made = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create({"service.name": "invariantselect", "service.version": code_version()}),
        shutdown_on_exit=False,  # whoever opened it closes it
    )
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def traces_to(endpoint: str, share: float) -> OtlpTraces:
    """Traces that go to a collector.

    Args:
        endpoint: Its address; spans go to ``<endpoint>/v1/traces``.
        share: See `provider`.
    """
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_SECONDS)
    return OtlpTraces(provider(exporter, share))
