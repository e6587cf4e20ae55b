"""Clients that ask a server as fast as it answers."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import httpx2
import numpy as np
from jaxtyping import Float32

__all__ = ["embed_all", "select_all", "select_batches", "select_vectors"]

_JSON = {"Content-Type": "application/json"}

Ask = Callable[[httpx2.AsyncClient], Awaitable[httpx2.Response]]


def select_all(url: str, pool: str, images: Sequence[bytes], *, clients: int) -> float:
    """Seconds until each image, sent as the body of a request of its own, was answered with 7 demonstrations."""

    def ask(image: bytes) -> Ask:
        headers = {"Content-Type": "image/jpeg"}
        return lambda http: http.post(f"/v1/pools/{pool}/select", content=image, headers=headers)

    return asyncio.run(_drive(url, map(ask, images), clients, _check_selection))


def select_vectors(
    url: str, pool: str, fingerprint: str, vectors: Float32[np.ndarray, "n dim"], *, clients: int
) -> float:
    """Seconds until each vector, sent as JSON, was answered with 7 demonstrations."""

    def ask(vector: Float32[np.ndarray, " dim"]) -> Ask:
        body = json.dumps({"query": {"vector": vector.tolist(), "fingerprint": fingerprint}}).encode()
        return lambda http: http.post(f"/v1/pools/{pool}/select", content=body, headers=_JSON)

    asks = list(map(ask, vectors))
    return asyncio.run(_drive(url, asks, clients, _check_selection))


def select_batches(url: str, pool: str, images: Sequence[bytes], *, size: int) -> float:
    """Seconds until all images, inlined in requests of `size` of them, were answered by one client."""

    def ask(some: Sequence[bytes]) -> Ask:
        queries = [{"image": _data_uri(image)} for image in some]
        body = json.dumps({"queries": queries}).encode()
        return lambda http: http.post(f"/v1/pools/{pool}/select:batch", content=body, headers=_JSON)

    asks = [ask(images[start : start + size]) for start in range(0, len(images), size)]
    return asyncio.run(_drive(url, asks, 1, _check_batch))


def embed_all(url: str, path: str, bodies: Iterable[object], *, clients: int) -> float:
    """Seconds until each body was answered by an endpoint in the shape of OpenAI's embeddings."""

    def ask(body: object) -> Ask:
        content = json.dumps(body).encode()
        return lambda http: http.post(path, content=content, headers=_JSON)

    return asyncio.run(_drive(url, map(ask, bodies), clients, lambda answer: bool(answer.json()["data"])))


def _data_uri(image: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(image).decode('ascii')}"


def _check_selection(answer: httpx2.Response) -> bool:
    return len(answer.json()["demonstrations"]) == 7


def _check_batch(answer: httpx2.Response) -> bool:
    return bool(answer.json()["failed"] == 0)


async def _drive(url: str, asks: Iterable[Ask], clients: int, is_sound: Callable[[httpx2.Response], bool]) -> float:
    waiting: Iterator[Ask] = iter(asks)

    async def client(http: httpx2.AsyncClient) -> None:
        for ask in waiting:
            answer = await ask(http)
            answer.raise_for_status()
            if not is_sound(answer):
                raise RuntimeError(f"not what was asked for: {answer.text[:500]}")

    async with httpx2.AsyncClient(base_url=url, timeout=120) as http:
        begin = time.perf_counter()
        await asyncio.gather(*(client(http) for _ in range(clients)))
        return time.perf_counter() - begin
