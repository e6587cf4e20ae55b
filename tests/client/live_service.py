"""The real service behind a real socket, with an encoder that costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder

ENCODER = "pixel-16-0"


@contextmanager
def live_service(data: Path, **settings: Any) -> Iterator[str]:
    """Its address. Stopped at the end, with every file closed."""
    chosen: dict[str, Any] = {"data": data, "encoder": ENCODER, **settings}
    app = create_app(Settings(**chosen), load_encoder=lambda _name: PixelEncoder())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, name="live-service")
    thread.start()
    try:
        yield f"http://127.0.0.1:{_port_of(server, thread)}"
    finally:
        server.should_exit = True
        thread.join()


def _port_of(server: uvicorn.Server, thread: threading.Thread) -> int:
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise AssertionError("the service did not start")
        time.sleep(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1])
