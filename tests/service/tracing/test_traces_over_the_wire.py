"""Spans that reach a collector: from a request, and from the job that it queued in another process's hands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.pools import Pools
from invariantselect.errors import InvalidRequestError
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.metrics import Metrics
from service.services import open_services
from service.settings import Settings
from tests.service.conftest import fill, load_pixel_encoder, serving
from tests.service.tracing.collector import collector
from tests.service.tracing.test_traced_requests import CALLER, TRACE


def run_job(settings: Settings, id: str) -> None:
    """As a worker does it, with services of its own."""
    services = open_services(settings, Metrics(), load_pixel_encoder)
    runner = Runner(services, services.store, KINDS, worker="w", stopping=lambda: False, put_back=lambda _: None)
    assert runner.run(id)
    services.close()


def queue(client: TestClient, **headers: str) -> str:
    id: str = client.post("/v1/pools/p/rebuild", headers=headers).raise_for_status().json()["id"]
    return id


def test_a_job_goes_on_with_the_trace_of_the_request_that_queued_it(tmp_path: Path) -> None:
    with collector() as collected, serving(tmp_path / "data", otlp_endpoint=collected.url) as client:
        fill(client)
        id = queue(client, **CALLER)
        settings = Settings(data=tmp_path / "data", encoder="pixel-16-0", otlp_endpoint=collected.url)
        run_job(settings, id)
        job = collected.wait_for("job rebuild")
        client.app.state.services.traces._provider.force_flush()  # type: ignore[attr-defined]
        request = collected.wait_for("POST /v1/pools/{pool}/rebuild")
        assert job.trace_id.hex() == request.trace_id.hex() == TRACE
        assert job.parent_span_id == request.span_id
        told = {each.key: each.value for each in job.attributes}
        assert told["job.id"].string_value == id
        assert told["job.outcome"].string_value == "succeeded"
        assert {event.name for event in job.events} == {"loading the encoder", "encoding"}
        resource = {each.key: each.value.string_value for body in [collected] for each in _resource(body.bodies[0])}
        assert resource["service.name"] == "invariantselect"


def test_a_job_that_fails_says_how_and_not_about_what(tmp_path: Path) -> None:
    with collector() as collected, serving(tmp_path / "data", otlp_endpoint=collected.url) as client:
        fill(client)
        id = queue(client)
        with Pools(tmp_path / "data") as pools:  # without the server, which would cancel the job
            pools.drop("p")
        run_job(Settings(data=tmp_path / "data", encoder="pixel-16-0", otlp_endpoint=collected.url), id)
        told = {each.key: each.value.string_value for each in collected.wait_for("job rebuild").attributes}
        assert (told["job.outcome"], told["error.type"]) == ("failed", "pool_not_found")


def test_a_collector_that_is_down_holds_up_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "data", otlp_endpoint="http://127.0.0.1:9") as client:
        assert client.get("/v1/pools").status_code == 200


def test_nothing_of_opentelemetry_is_loaded_without_an_endpoint(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fastapi.testclient import TestClient; "
        "from service.app import create_app; from service.settings import Settings; "
        "from tests.service.conftest import load_pixel_encoder as load; "
        f"app = create_app(Settings(data=Path({str(tmp_path)!r}), encoder='pixel-16-0'), load_encoder=load); "
        "client = TestClient(app, base_url='http://localhost'); client.__enter__(); "
        "assert client.get('/v1/pools').status_code == 200; "
        "client.__exit__(None, None, None); import service.jobs.worker; "
        "ours = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'service.tracing.otlp'); "
        "print(*[name for name in sys.modules if name.startswith(ours)])"  # others may use OpenTelemetry, redis does
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_endpoint_without_the_extra_is_told_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "service.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(InvalidRequestError, match="not installed") as refused:
        open_services(Settings(data=tmp_path / "data", otlp_endpoint="http://127.0.0.1:4318"), Metrics())
    assert "tracing" in refused.value.hint
    assert not (tmp_path / "data").exists()


def _resource(body: bytes) -> list[object]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return list(ExportTraceServiceRequest.FromString(body).resource_spans[0].resource.attributes)
