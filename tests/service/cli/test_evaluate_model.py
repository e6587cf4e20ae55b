"""`evaluate --learner lmm`, against an OpenAI-compatible endpoint on this machine: budgets, what is kept, a rerun."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.service.cli.conftest import CommandLine, Ended

QUESTIONS = 12 * 3  # queries of a domain, rows


class Endpoint:
    """Answers ``red`` to everything; remembers the requests.

    Attributes:
        bodies: What was asked.
        failing: Whether it answers with 500.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.failing = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "red"}}
                usage = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
                told = {"id": "c", "object": "chat.completion", "created": 0, "model": "m"}
                body = json.dumps({**told, "choices": [choice], "usage": usage}).encode()
                self.send_response(500 if endpoint.failing else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def run(cli: CommandLine, endpoint: Endpoint, out: Path, *more: object) -> Ended:
    return cli(
        *("evaluate", "--pool", "p", "--shots", "0,2", "--strategies", "random,topk_nearest", "--targets", "noon"),
        *("--learner", "vote", "--learner", "lmm", "--model", "tiny", "--base-url", endpoint.url, "--retries", 0),
        *("--question", "What colour?", "--out", out, *more),
    )


def answered(out: Path) -> list[dict[str, str]]:
    with (out / "answers.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["learner"].startswith("lmm:tiny")]


def test_a_model_answers_with_and_without_demonstrations(
    real_cli: CommandLine, endpoint: Endpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended = run(real_cli, endpoint, out, "--price-in", "1000", "--price-out", "1000")
    assert ended.code == 0, ended.err
    assert len(endpoint.bodies) == len(answered(out)) == QUESTIONS
    pictures = [json.dumps(body).count("data:image/") for body in endpoint.bodies]
    assert sorted(set(pictures)) == [1, 3]  # the query; two demonstrations and the query
    assert all("What colour?" in json.dumps(body) for body in endpoint.bodies)
    assert {row["answer"] for row in answered(out)} == {"red"}
    right = [row["answer"] == row["truth"] for row in answered(out)]
    assert sum(right) == QUESTIONS / 3
    assert f"{QUESTIONS} requests in the last run, 3600 + 72 tokens, cost 3.67" in ended.out


def test_when_the_budget_is_spent_a_larger_one_goes_on(
    real_cli: CommandLine, endpoint: Endpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    spent = run(real_cli, endpoint, out, "--most-requests", 10)
    assert (spent.code, spent.out) == (1, "")
    assert len(endpoint.bodies) == 10
    assert "46 answers are kept in" in spent.err  # those of the vote and ten
    assert "Run again with a larger budget" in spent.err
    assert not (out / "report.html").exists()
    assert run(real_cli, endpoint, out, "--most-requests", 100).code == 0
    assert len(endpoint.bodies) == QUESTIONS
    # Another evaluation of the same questions costs nothing.
    assert run(real_cli, endpoint, tmp_path / "other").code == 0
    assert len(endpoint.bodies) == QUESTIONS
    assert answered(tmp_path / "other") == answered(out)


def test_what_images_are_billed_as_can_be_said(real_cli: CommandLine, endpoint: Endpoint, tmp_path: Path) -> None:
    out, budget = tmp_path / "out", ("--price-in", "1000", "--most-cost", "5")
    refused = run(real_cli, endpoint, out, *budget)  # a single image of 8,500 tokens may cost 8.50
    assert (refused.code, endpoint.bodies) == (1, [])
    assert "Of 5, 0 are used, and the next request may cost" in refused.err.replace("\n", " ")
    assert run(real_cli, endpoint, out, *budget, "--image-tokens", "10").code == 0
    assert len(endpoint.bodies) == QUESTIONS


def test_a_budget_here_may_be_larger_than_a_server_grants(
    real_cli: CommandLine, endpoint: Endpoint, tmp_path: Path
) -> None:
    ended = run(real_cli, endpoint, tmp_path / "out", "--most-requests", 20_000_000)
    assert (ended.code, len(endpoint.bodies)) == (0, QUESTIONS)


def test_when_the_endpoint_fails_what_was_answered_is_kept(
    real_cli: CommandLine, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.failing = True
    failed = run(real_cli, endpoint, tmp_path / "out")
    assert (failed.code, failed.out) == (1, "")
    assert "36 answers are kept in" in failed.err
    assert "run again later" in failed.err
    endpoint.failing = False
    assert run(real_cli, endpoint, tmp_path / "out").code == 0
