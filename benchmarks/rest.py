"""REST select by image against the same work by hand, with one client and with 32."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks import by_hand
from benchmarks.images import jpeg_crops, with_comment
from benchmarks.pools import fill
from benchmarks.spread import Spread
from encoders.catalog import load_encoder

POOL = "bench"


@dataclass(frozen=True)
class RestFigures:
    """Milliseconds an image: by hand, over REST with one client, over REST with 32 clients."""

    pool_size: int
    by_hand_ms: Spread
    one_client_ms: Spread
    many_clients_ms: Spread


def measure(workplace: Path, *, pool_size: int, images: int, rounds: int) -> RestFigures:
    """Rounds of the three, in turn, over images that no cache has seen."""
    encoder = load_encoder("efficientnet-lite0", store=workplace / "encoders")
    identity = encoder.identity
    fill(
        workplace,
        name=POOL,
        encoder=identity.name,
        fingerprint=identity.fingerprint,
        dim=identity.dim,
        count=pool_size,
    )
    index = by_hand.flat_index(identity.dim, pool_size)
    crops = jpeg_crops(images)
    bare, one, many = [], [], []
    with _server(workplace) as url:
        asyncio.run(_select_all(url, [with_comment(crop, "warm-up") for crop in crops[:32]], clients=4))
        by_hand.seconds(encoder, index, crops[:16])
        for number in range(rounds):
            bare.append(by_hand.seconds(encoder, index, crops))
            alone = [with_comment(crop, f"one-{number}") for crop in crops]
            one.append(asyncio.run(_select_all(url, alone, clients=1)))
            crowd = [with_comment(crop, f"many-{number}") for crop in crops]
            many.append(asyncio.run(_select_all(url, crowd, clients=32)))
    return RestFigures(pool_size, *(Spread(tuple(1000 * s / images for s in each)) for each in (bare, one, many)))


async def _select_all(url: str, images: Sequence[bytes], *, clients: int) -> float:
    waiting = iter(images)

    async def client(http: httpx2.AsyncClient) -> None:
        for image in waiting:
            answer = await http.post(f"/v1/pools/{POOL}/select", content=image, headers={"Content-Type": "image/jpeg"})
            answer.raise_for_status()
            if len(answer.json()["demonstrations"]) != 7:
                raise RuntimeError(f"expected 7 demonstrations: {answer.text}")

    async with httpx2.AsyncClient(base_url=url, timeout=120) as http:
        begin = time.perf_counter()
        await asyncio.gather(*(client(http) for _ in range(clients)))
        return time.perf_counter() - begin


@contextlib.contextmanager
def _server(data: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "INVARIANTSELECT_DATA": str(data), "INVARIANTSELECT_PORT": str(port)}
    command = [sys.executable, "-m", "service.cli", "serve"]
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}; see server.log")
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the server was not ready within two minutes")
