"""Clients that ask a server as fast as it answers.

They share the cores with the server, so they are light: threads with the standard library's client.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from jaxtyping import Float32

__all__ = ["Asked", "drive", "select_all", "select_batches", "select_vectors"]


@dataclass(frozen=True)
class Asked:
    """A request, ready to be sent by POST."""

    path: str
    body: bytes
    media_type: str = "application/json"


def select_all(url: str, pool: str, images: Sequence[bytes], *, clients: int) -> float:
    """Seconds until each image, sent as the body of a request of its own, was answered with 7 demonstrations."""
    asked = [Asked(f"/v1/pools/{pool}/select", image, "image/jpeg") for image in images]
    return drive(url, asked, clients, _is_selection)


def select_vectors(
    url: str, pool: str, fingerprint: str, vectors: Float32[np.ndarray, "n dim"], *, clients: int
) -> float:
    """Seconds until each vector, sent as JSON, was answered with 7 demonstrations."""
    queries = [{"query": {"vector": vector.tolist(), "fingerprint": fingerprint}} for vector in vectors]
    asked = [Asked(f"/v1/pools/{pool}/select", json.dumps(query).encode()) for query in queries]
    return drive(url, asked, clients, _is_selection)


def select_batches(url: str, pool: str, images: Sequence[bytes], *, size: int) -> float:
    """Seconds until all images, inlined in requests of `size` of them, were answered by one client."""
    uris = [f"data:image/jpeg;base64,{base64.b64encode(image).decode('ascii')}" for image in images]
    bodies = [
        {"queries": [{"image": uri} for uri in uris[start : start + size]]} for start in range(0, len(uris), size)
    ]
    asked = [Asked(f"/v1/pools/{pool}/select:batch", json.dumps(body).encode()) for body in bodies]
    return drive(url, asked, 1, lambda answer: bool(answer["failed"] == 0))


def _is_selection(answer: dict[str, Any]) -> bool:
    return len(answer["demonstrations"]) == 7


def drive(url: str, asked: Iterable[Asked], clients: int, is_sound: Callable[[Any], bool]) -> float:
    """Seconds until all requests were answered; `is_sound` is asked of each answer, in the thread of its client.

    Raises:
        RuntimeError: An answer is not 200, or not sound.
    """
    waiting: Iterator[Asked] = iter(asked)
    taking = threading.Lock()
    failures: list[Exception] = []

    def client() -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=120)
        try:
            while not failures:
                with taking:
                    request = next(waiting, None)
                if request is None:
                    break
                _ask(connection, request, is_sound)
        except Exception as error:  # noqa: BLE001 -- raised below, in the thread that measures
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - begin


def _ask(connection: HTTPConnection, request: Asked, is_sound: Callable[[Any], bool]) -> None:
    connection.request("POST", request.path, request.body, {"Content-Type": request.media_type})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200 or not is_sound(json.loads(content)):
        raise RuntimeError(f"not what was asked for: {response.status} {content[:500]!r}")
