"""The real clients, talking to a small pool that lives in the transport."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest
from PIL import Image

from invariantselect import AsyncClient, Client

STORED = [("a/dog.png", "dog", "red", 0.9), ("b/cat.png", "cat", "green", 0.8), ("c/dog.png", "dog", "blue", 0.7)]


def png(colour: str, side: int = 20) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def colour_of(image: bytes | str) -> Any:
    """Colour of a picture, given as bytes, base64 or a data URI."""
    data = image if isinstance(image, bytes) else base64.b64decode(image.rpartition(",")[2])
    return Image.open(io.BytesIO(data)).convert("RGB").getpixel((3, 3))


class SmallPool:
    """Answers select with the first k stored demonstrations, and upserts unless the label is ``refuse me``."""

    def __init__(self) -> None:
        self.selects: list[dict[str, Any]] = []
        self.upserts: list[dict[str, Any]] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        path = unquote(request.url.path)
        if path.endswith("/select"):
            return self._select(json.loads(request.content))
        if path.endswith("demonstrations:upsert"):
            return self._upsert(json.loads(request.content)["demonstrations"])
        colours = {f"/v1/pools/animals/images/{id}": colour for id, _, colour, _ in STORED}
        return httpx2.Response(200, content=png(colours[path]), headers={"content-type": "image/png"})

    async def ahandle(self, request: httpx2.Request) -> httpx2.Response:
        return self.handle(request)

    def _select(self, body: dict[str, Any]) -> httpx2.Response:
        self.selects.append(body)
        chosen = [
            {
                "id": id,
                "label": label,
                "domain": "photo",
                "group": None,
                "score": score,
                "rank": rank,
                "image_url": f"/v1/pools/animals/images/{id}",
                "media_type": "image/png",
                "metadata": {"age": rank},
            }
            for rank, (id, label, _, score) in enumerate(STORED[: body["k"]], start=1)
        ]
        if body.get("order", "nearest_last") == "nearest_last":
            chosen.reverse()
        answer = {"pool": "animals", "snapshot": 1, "encoder": "e", "fingerprint": "f", "strategy": "topk_nearest"}
        return httpx2.Response(200, json={**answer, "k": body["k"], "shortfall": 0, "demonstrations": chosen})

    def _upsert(self, given: list[dict[str, Any]]) -> httpx2.Response:
        self.upserts += given
        problem = {"code": "image_unreadable", "status": 422, "title": "t", "detail": "it is torn", "hint": "h"}
        outcomes = [
            {"id": each["id"], "status": "failed", "error": problem}
            if each["label"] == "refuse me"
            else {"id": each["id"], "status": "created"}
            for each in given
        ]
        failed = sum(outcome["status"] == "failed" for outcome in outcomes)
        return httpx2.Response(200, json={"outcomes": outcomes, "snapshot": 2, "failed": failed})


@pytest.fixture
def pool() -> SmallPool:
    return SmallPool()


@pytest.fixture
def client(pool: SmallPool) -> Iterator[Client]:
    with httpx2.Client(transport=httpx2.MockTransport(pool.handle)) as http:
        yield Client("http://pool", http_client=http)


@pytest.fixture
async def async_client(pool: SmallPool) -> AsyncIterator[AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(pool.ahandle)) as http:
        yield AsyncClient("http://pool", http_client=http)
