"""The real service behind a real socket, with an encoder that costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from encoders.encoder import Encoder
from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.forked_process import ForkedProcess
from tests.service.adapted_pool import adapted_encoder
from tests.service.live_server import live

ROOT = Path(__file__).parents[2]
ENCODER = "pixel-16-0"
DOMAINS = ("x", "y", "z")
"""What adapted encoders know."""


@contextmanager
def live_service(data: Path, **settings: Any) -> Iterator[str]:
    """Its address. Stopped at the end, with every file closed."""
    chosen: dict[str, Any] = {"data": data, "encoder": ENCODER, **settings}
    with live(create_app(Settings(**chosen), load_encoder=_load)) as url:
        yield url


def _load(name: str) -> Encoder:
    _, _, adapted = name.partition("/")
    return adapted_encoder(int(adapted), DOMAINS) if adapted else PixelEncoder()


@contextmanager
def worker(data: Path) -> Iterator[None]:
    """A worker for the jobs of a service, with the same encoder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INVARIANTSELECT_")}
    environment = {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")]),
        "INVARIANTSELECT_DATA": str(data),
        "INVARIANTSELECT_ENCODER": ENCODER,
    }
    command = [sys.executable, "-m", "tests.service.jobs.worker_process", "0"]
    with ForkedProcess(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()
