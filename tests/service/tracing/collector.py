"""A collector of OpenTelemetry spans on a free port of loopback, which keeps what it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["Collected", "collector"]


class Collected:
    """What a collector was sent.

    Attributes:
        url: Of the collector.
        bodies: As they came over the wire, unpacked.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.came = threading.Condition()

    def spans(self) -> list[Span]:
        """All spans so far."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [span for sent in requests for of in sent.resource_spans for s in of.scope_spans for span in s.spans]

    def wait_for(self, name: str) -> Span:
        """A span with a name, as soon as it is there."""

        def found() -> Span | None:
            return next((span for span in self.spans() if span.name == name), None)

        with self.came:
            span = self.came.wait_for(found, timeout=30)
        assert span is not None, [each.name for each in self.spans()]
        return span


@contextmanager
def collector() -> Iterator[Collected]:
    """A running collector."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            with collected.came:
                collected.bodies.append(body)
                collected.came.notify_all()
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collected = Collected(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield collected
        server.shutdown()
        thread.join()
