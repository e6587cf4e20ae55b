"""A real uvicorn in a thread, on a free port of loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

__all__ = ["live"]


@contextmanager
def live(app: FastAPI, **config: Any) -> Iterator[str]:
    """The address of a running server; `config` is for uvicorn."""
    listener = socket.create_server(("127.0.0.1", 0))
    told = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=10, **config)
    server = uvicorn.Server(told)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server ended"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
        assert not thread.is_alive(), "the server did not stop"
