"""A real HTTP/1.1 server on loopback that answers what a test tells it to, or misbehaves as told."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A complete answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} -", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Cut:
    """An answer whose connection breaks after so many bytes of it; 0 for no answer at all."""

    reply: Reply
    after: int


class Silence:
    """No answer and no end: the server holds the connection until it is stopped."""


Answer = Reply | Cut | Silence


def as_json(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})})


def as_problem(document: Any, status: int, headers: Mapping[str, str] | None = None) -> Reply:
    return as_json(document, status, {"Content-Type": "application/problem+json", **(headers or {})})


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Records every request and answers with `respond`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.received: list[Received] = []
        self.stopped = threading.Event()
        self.respond: Callable[[Received], Answer] = lambda _request: Reply(500, b"nothing is scripted")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early is none of the server's trouble; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def script(self, *answers: Answer) -> None:
        """Answer these in turn, whatever is asked; after the last, 500."""
        remaining = iter(answers)
        over = as_problem({"code": "internal_error", "detail": "the script is over"}, 500)
        self.respond = lambda _request: next(remaining, over)


class _Conversation(socketserver.StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        while (request := self._read()) is not None:
            self.server.received.append(request)
            answer = self.server.respond(request)
            if isinstance(answer, Silence):
                self.server.stopped.wait()
                return
            if isinstance(answer, Cut):
                self.wfile.write(answer.reply.raw()[: answer.after])
                return
            self.wfile.write(answer.raw())

    def _read(self) -> Received | None:
        start = self.rfile.readline().decode().split()
        if not start:
            return None
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return Received(start[0], start[1], headers, self.rfile.read(int(headers.get("content-length", 0))))


@contextmanager
def serving() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()
