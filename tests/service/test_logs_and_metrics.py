from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import Serve
from tests.service.pictures import data_uri, png

LOGGING = """
import logging, structlog, warnings
from service.logs import configure_logs
from service.settings import Settings
configure_logs(Settings(log_format={form!r}, log_level={level!r}))
with structlog.contextvars.bound_contextvars(request_id="r-1"):
    structlog.get_logger("service.x").info("happened", pool="é\\n")
    structlog.get_logger("service.x").debug("detail")
logging.getLogger("uvicorn.error").info("started %s", "here")
logging.getLogger("PIL").debug("pieces of an image")
logging.getLogger("PIL.TiffImagePlugin").error("pieces of another")
try:
    key = "isk_" + "hunter2"
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("service.x").exception("failed")
"""


def run_logging(form: str, level: str) -> list[str]:
    code = LOGGING.format(form=form, level=level)
    environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "isk_hunter2" not in done.stderr
    return done.stderr.splitlines()


def test_each_line_of_the_log_is_a_json_object() -> None:
    happened, started, failed = map(json.loads, run_logging("json", "info"))
    assert happened["event"] == "happened"
    assert (happened["pool"], happened["request_id"], happened["level"]) == ("é\n", "r-1", "info")
    assert happened["timestamp"].endswith("Z")
    assert (started["event"], started["logger"]) == ("started here", "uvicorn.error")
    assert "ZeroDivisionError" in failed["exception"]


def test_the_log_can_be_read_by_eye_and_its_level_set() -> None:
    lines = run_logging("console", "error")
    assert "failed" in lines[0]
    assert not any("happened" in line or "started" in line for line in lines)
    assert any("detail" in line for line in run_logging("console", "debug"))
    assert not any("pieces" in line for line in run_logging("json", "debug"))


def test_each_request_is_one_line_with_its_id(still: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    still.get("/v1/jobs?kind=secret", headers={"x-request-id": "r-7"})
    (line,) = [record for record in caplog.records if record.getMessage() == "request"]
    values = line.__dict__
    assert (values["request_id"], values["method"], values["path"], values["status"]) == (
        "r-7",
        "GET",
        "/v1/jobs",
        200,
    )
    assert values["ms"] > 0
    assert "secret" not in str(values)


def test_no_part_of_an_image_is_ever_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("defect")

    caplog.set_level(logging.DEBUG)
    client = serve(load=lambda _: Broken())  # type: ignore[arg-type,return-value]
    inlined = data_uri(5)
    assert client.post("/v1/embeddings", json={"input": inlined}).status_code == 500
    assert client.post("/v1/embeddings", json={"input": inlined, "x": 1}).status_code == 422
    assert client.post("/v1/pools/p/select", content=png(5), headers={"content-type": "image/png"}).status_code == 404
    assert caplog.records
    formatter = logging.Formatter()
    logged = "\n".join(formatter.format(record) + str(record.__dict__) for record in caplog.records)
    assert inlined[40:80] not in logged
    assert "IHDR" not in logged


def test_metrics_count_requests_by_route_and_time_the_stages(pool: TestClient) -> None:
    for number in range(3):
        pool.post("/v1/pools/p/select", json={"query": {"image": data_uri(90 + number)}})
    pool.get("/v1/pools/p/demonstrations/d0/l0/0.png")
    pool.get("/no/such/path")
    pool.request("BREW", "/livez")
    response = pool.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = response.text.splitlines()
    one = "/v1/pools/{pool}/demonstrations/{id:path}"
    for line in (
        'invariantselect_requests_total{method="POST",route="/v1/pools/{pool}/select",status="200"} 3.0',
        f'invariantselect_requests_total{{method="GET",route="{one}",status="200"}} 1.0',
        'invariantselect_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'invariantselect_requests_total{method="other",route="/livez",status="405"} 1.0',
        'invariantselect_stage_seconds_count{stage="decode"} 27.0',
        'invariantselect_stage_seconds_count{stage="encode"} 27.0',
        'invariantselect_stage_seconds_count{stage="search"} 3.0',
        'invariantselect_stage_seconds_count{stage="select"} 3.0',
        'invariantselect_embedding_cache_total{found="nowhere"} 27.0',
        "invariantselect_engine_requests 0.0",
        "invariantselect_requests_in_progress 1.0",
    ):
        assert line in lines, line
    assert "process_resident_memory_bytes" in response.text


def test_two_apps_in_a_process_count_apart(serve: Serve) -> None:
    one, other = serve(), serve()
    one.get("/v1/pools")
    assert 'route="/v1/pools"' not in other.get("/metrics").text
