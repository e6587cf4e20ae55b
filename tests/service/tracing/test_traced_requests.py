"""Spans of requests, kept in memory: one below the other, and nothing in them that a trace must not tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from service.tracing import otlp
from tests.service.conftest import Serve, fill
from tests.service.pictures import data_uri, png

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}

Spans = Callable[[], Sequence[ReadableSpan]]


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    kept = InMemorySpanExporter()
    monkeypatch.setattr(otlp, "OTLPSpanExporter", lambda **_: kept)
    return kept


@pytest.fixture
def traced(serve: Serve, exporter: InMemorySpanExporter) -> Iterator[tuple[TestClient, Spans]]:
    client = serve(otlp_endpoint="http://nowhere")
    fill(client)

    def spans() -> Sequence[ReadableSpan]:
        client.app.state.services.traces._provider.force_flush()  # type: ignore[attr-defined]
        found = exporter.get_finished_spans()
        exporter.clear()
        return found

    spans()
    return client, spans  # type: ignore[return-value]


def test_a_selection_is_a_request_and_its_stages(traced: tuple[TestClient, Spans]) -> None:
    client, spans = traced
    body = {"query": {"image": data_uri(90)}, "k": 2}
    answer = client.post("/v1/pools/p/select", json=body, headers={**CALLER, "x-request-id": "r-9"})
    assert answer.status_code == 200
    found = {span.name: span for span in spans()}
    route = "/v1/pools/{pool}/select"
    request = found.pop(f"POST {route}")
    assert set(found) == {"decode", "encode", "search", "select"}
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, PARENT)
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": route,
        "http.response.status_code": 200,
        "invariantselect.request_id": "r-9",
    }
    order = [found[name] for name in ("decode", "encode", "search", "select")]
    for span in order:
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id
        assert f"{span.context.trace_id:032x}" == TRACE
    times = [(span.start_time or 0, span.end_time or 0) for span in order]
    assert all(begin <= end for begin, end in times)
    assert [begin for begin, _ in times] == sorted(begin for begin, _ in times)
    assert (request.start_time or 0) <= times[0][0]
    assert times[-1][1] <= (request.end_time or 0)
    timings = answer.json()["timings"]
    assert (times[1][1] - times[1][0]) / 1e6 == pytest.approx(timings["encode_ms"], rel=0.5, abs=1)

    client.post("/v1/pools/p/select", json=body)  # known by now: nothing is decoded or encoded
    assert {span.name for span in spans()} == {f"POST {route}", "search", "select"}


def test_batches_embeddings_and_upserts_are_traced_too(traced: tuple[TestClient, Spans]) -> None:
    client, spans = traced
    client.post("/v1/embeddings", json={"input": [data_uri(300), data_uri(301)]})
    found = {span.name: span for span in spans()}
    assert set(found) == {"POST /v1/embeddings", "decode", "encode"}
    assert (found["encode"].attributes or {})["images"] == 2
    queries = [{"image": data_uri(310)}, {"image": "data:,x"}, {"id": "d0/l0/0.png"}]
    client.post("/v1/pools/p/select:batch", json={"queries": queries})
    found = {span.name: span for span in spans()}
    assert (found["search"].attributes or {})["selections"] == 2
    sent = [{"id": "new", "image": data_uri(320), "label": "x"}]
    client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent})
    assert {"decode", "encode"} < {span.name for span in spans()}


def test_a_caller_decides_whether_it_is_traced(traced: tuple[TestClient, Spans]) -> None:
    client, spans = traced
    client.get("/v1/pools", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert spans() == ()
    client.get("/v1/pools", headers={"traceparent": "no such thing"})
    (span,) = spans()
    assert span.parent is None


def test_probes_are_not_traced_and_unknown_paths_have_no_name(traced: tuple[TestClient, Spans]) -> None:
    client, spans = traced
    for path in ("/livez", "/readyz", "/metrics", "/my/secret/path"):
        client.get(path)
    client.request("BREW", "/v1/pools")
    assert {span.name for span in spans()} == {"GET unmatched", "other /v1/pools"}


def test_no_part_of_an_image_no_label_id_or_key_stands_in_a_span(
    traced: tuple[TestClient, Spans], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, spans = traced
    key = "isk_hunter2hunter2"
    headers = {"authorization": f"Bearer {key}"}
    inlined = data_uri(5)
    sent = [{"id": "patient-7", "image": inlined, "label": "melanoma", "domain": "clinic", "group": "who"}]
    client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent}, headers=headers)
    client.get("/v1/pools/p/demonstrations/patient-7", headers=headers)
    client.post("/v1/pools/p/select", content=png(5), headers={**headers, "content-type": "image/png"})
    client.post("/v1/pools/p/select", json={"query": {"image": inlined}, "where": {"label": {"eq": "melanoma"}}})

    def fail(*_: object) -> None:
        raise RuntimeError(f"a defect that knows {key} and melanoma")

    monkeypatch.setattr("service.routers.select.select_one", fail)
    assert client.post("/v1/pools/p/select", json={"query": {"image": inlined}}).status_code == 500
    found = spans()
    told = "\n".join(span.to_json() for span in found)
    for secret in (key, "melanoma", "patient-7", "clinic", inlined[40:80], "IHDR", "defect"):
        assert secret not in told
    assert [span.status.status_code for span in found if span.kind is SpanKind.SERVER][-1] is StatusCode.ERROR


def test_lines_of_the_log_name_their_trace(traced: tuple[TestClient, Spans], caplog: pytest.LogCaptureFixture) -> None:
    client, _ = traced
    caplog.set_level("INFO")
    client.get("/v1/pools", headers=CALLER)
    (line,) = [record for record in caplog.records if record.getMessage() == "request"]
    assert line.__dict__["trace_id"] == TRACE
