"""Two servers and two workers as docker-compose.yml starts them: the real command line, told by variables alone."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.forked_process import ForkedProcess
from tests.postgres import RealPostgres
from tests.redis_server import RealRedis
from tests.s3_server import S3Server
from tests.service.jobs.place import PATIENCE, wait_until
from tests.service.shifted import DOMAINS, LABELS, draw, save_tiny_encoder, uri_of

__all__ = ["Replicas", "started"]

ROOT = Path(__file__).parents[3]
MAIN = [sys.executable, "-c", "from service.cli import main; main()"]


class Replicas:
    """The servers, behind a client each that sends an admin's key.

    Attributes:
        one: A client of the one server.
        two: A client of the other.
        postgres: Where their catalog is.
        redis: Their broker.
        images: Where their images are.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.postgres = RealPostgres()
        stack.callback(self.postgres.remove)
        self.postgres.start()
        self.redis = RealRedis(folder)
        stack.callback(self.redis.kill)
        self.redis.start()
        self.images = S3Server()
        stack.callback(self.images.kill)
        self.images.start()
        path = os.pathsep.join([str(ROOT), str(ROOT / "client")])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INVARIANTSELECT_")}
        self.environment = {
            **kept,
            **self.images.environment,
            "INVARIANTSELECT_IMAGES_URL": f"{self.images.bucket}/replicas",
            "PYTHONPATH": path,
            "INVARIANTSELECT_DATA": str(folder / "data"),
            "INVARIANTSELECT_DATABASE_URL": self.postgres.url("replicas"),
            "INVARIANTSELECT_REDIS_URL": self.redis.url,
            "INVARIANTSELECT_ENCODER": save_tiny_encoder(folder / "tiny"),
            "INVARIANTSELECT_DEVICE": "cpu",
            "INVARIANTSELECT_RUNTIME": "torch",
            "INVARIANTSELECT_EMBEDDED_WORKER": "false",
            "INVARIANTSELECT_JOB_STALE_SECONDS": "3",
            "INVARIANTSELECT_AUTH": "on",
        }
        self.key = self.command("keys", "create", "--scope", "admin")
        logs = [self._start(f"server-{number}", "serve", "--port", "0") for number in (1, 2)]
        for number in (1, 2):
            self._start(f"worker-{number}", "worker")
        self.one, self.two = (self._client(log) for log in logs)
        self._turns: Iterator[httpx2.Client] = itertools.cycle([self.one, self.two])
        for client in (self.one, self.two):
            wait_until(lambda client=client: client.get("/readyz").status_code == 200)

    def command(self, *arguments: str) -> str:
        """What a command prints, told by the same variables."""
        ended = subprocess.run([*MAIN, *arguments], env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The answer of whichever server's turn it is."""
        response = next(self._turns).request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def make_pool(self, name: str) -> None:
        """A pool of 36 images in three domains, written a few at a time by both servers in turn."""
        self.ask("POST", "/v1/pools", 201, json={"name": name})
        for domain in DOMAINS:
            for label in LABELS:
                new = [
                    {
                        "id": f"{domain}/{label}/{number}",
                        "image": uri_of(draw(domain, label, number)),
                        "label": label,
                        "domain": domain,
                    }
                    for number in range(4)
                ]
                done = self.ask("POST", f"/v1/pools/{name}/demonstrations:upsert", json={"demonstrations": new})
                assert [each["status"] for each in done["outcomes"]] == ["created"] * 4

    def select(self, pool: str, client: httpx2.Client | None = None, **options: Any) -> dict[str, Any]:
        """A selection for an image that no pool has."""
        body = {"query": {"image": uri_of(draw("noon", "red", 99)), "domain": "noon"}, "k": 36, **options}
        response = (client or next(self._turns)).post(f"/v1/pools/{pool}/select", json=body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def job(self, id: str) -> dict[str, Any]:
        """A job when it has succeeded, as both servers in turn tell of it."""
        wait_until(lambda: self.ask("GET", f"/v1/jobs/{id}")["state"] in ("succeeded", "failed", "cancelled"))
        job: dict[str, Any] = self.ask("GET", f"/v1/jobs/{id}")
        assert job["state"] == "succeeded", job
        return job

    def _start(self, name: str, *arguments: str) -> Path:
        path = self.folder / f"{name}.log"
        with path.open("wb") as log:
            process = ForkedProcess([*MAIN, *arguments], env=self.environment, cwd=ROOT, stdout=log, stderr=log)

        def end() -> None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()

        self._stack.callback(end)
        return path

    def _client(self, log: Path) -> httpx2.Client:
        found: list[str] = []

        def told() -> bool:
            found[:] = re.findall(r"at (http://127\.0\.0\.1:\d+)", log.read_text())
            return bool(found)

        wait_until(told)
        headers = {"authorization": f"Bearer {self.key}"}
        anew = httpx2.Limits(max_keepalive_connections=0)  # an idle one may be closed just as it is used
        client = httpx2.Client(base_url=found[0], timeout=PATIENCE, headers=headers, limits=anew)
        return self._stack.enter_context(client)


@contextmanager
def started(folder: Path) -> Iterator[Replicas]:
    """Replicas that end with the block, PostgreSQL and Redis last."""
    with ExitStack() as stack:
        yield Replicas(folder, stack)
