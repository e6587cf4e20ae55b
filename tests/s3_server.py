"""A server that speaks S3, in a process of its own. It keeps all in memory."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
import s3fs

from index.blobs.object_store import _LITTLE_PATIENCE
from tests.killable_server import PATIENCE, KillableServer

__all__ = ["S3Server", "found_by_environment"]

_MAIN = "import sys; from moto.server import main; main(sys.argv[1:])"


class S3Server(KillableServer):
    """A server with one bucket. Killed, it has forgotten all.

    Attributes:
        bucket: ``s3://bucket``.
    """

    bucket = "s3://pictures"

    def __init__(self) -> None:
        super().__init__()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start it, wait until it answers, and make the bucket."""
        command = [sys.executable, "-c", _MAIN, "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self._process.poll() is None, "the S3 server ended"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            assert time.monotonic() < deadline, "the S3 server did not start"
            time.sleep(0.05)
        bucket = f"{self.environment['AWS_ENDPOINT_URL']}/{self.bucket.removeprefix('s3://')}"
        with urlopen(Request(bucket, method="PUT"), timeout=PATIENCE) as made:
            assert made.status == 200

    def files(self) -> s3fs.S3FileSystem:
        """What tests look into it with."""
        return s3fs.S3FileSystem(
            key=self.environment["AWS_ACCESS_KEY_ID"],
            secret=self.environment["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            use_listings_cache=False,
            skip_instance_cache=True,
        )


@contextmanager
def found_by_environment() -> Iterator[S3Server]:
    """A server that this process, and those that it starts, find by their variables."""
    server = S3Server()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        for name in ("connect_timeout", "read_timeout"):  # a machine that tests on all cores stands still for seconds
            patch.setitem(_LITTLE_PATIENCE, name, PATIENCE)
        try:
            server.start()
            yield server
        finally:
            server.kill()
