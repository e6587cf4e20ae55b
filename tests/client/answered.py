"""Answers as the service gives them, for scripts."""

from __future__ import annotations

import json
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n-a-picture"
JPEG = b"\xff\xd8\xff-a-picture"


def pool(name: str = "skin", snapshot: int = 3) -> dict[str, Any]:
    return {
        "name": name,
        "encoder": "efficientnet-lite0",
        "fingerprint": "f" * 64,
        "dim": 4,
        "snapshot": snapshot,
        "demonstrations": 2,
        "labels": ["a"],
        "domains": [],
        "created_at": "2025-01-02T03:04:05Z",
        "a_field_of_a_newer_server": True,
    }


def demonstration(id: str = "a/1.png", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "label": "a",
        "domain": None,
        "group": None,
        "metadata": {"age": 54},
        "image_url": f"/v1/pools/skin/images/{id}",
        "image_sha256": "0" * 64,
        "media_type": "image/png",
        "width": 8,
        "height": 8,
        **changes,
    }


def outcomes(ids: list[str], status: str = "created", snapshot: int = 4) -> dict[str, Any]:
    return {"outcomes": [{"id": id, "status": status} for id in ids], "snapshot": snapshot, "failed": 0}


def selection(ids: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "pool": "skin",
        "snapshot": 4,
        "encoder": "efficientnet-lite0",
        "fingerprint": "f" * 64,
        "strategy": "topk_nearest",
        "k": len(ids),
        "shortfall": 0,
        "demonstrations": [
            {
                "id": id,
                "label": "a",
                "score": 1.0 - rank / 10,
                "rank": rank,
                "image_url": f"/v1/pools/skin/images/{id}",
                "media_type": "image/png",
            }
            for rank, id in enumerate(ids, 1)
        ],
        "timings": {"search_ms": 0.5},
        **changes,
    }


def comparison(chosen: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "pool": "skin",
        "selections": {strategy: selection(ids, strategy=strategy) for strategy, ids in chosen.items()},
    }


def embeddings(vectors: list[str | list[float]], fingerprint: str = "f" * 64) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)],
        "model": "efficientnet-lite0",
        "fingerprint": fingerprint,
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }


JOB = "0192f3a4b5c60123456789ab"


def job(state: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "id": JOB,
        "kind": "rebuild",
        "pool": "skin",
        "state": state,
        "request": {},
        "attempt": 1,
        "created_at": "2025-01-02T03:04:05Z",
        "a_field_of_a_newer_server": True,
        **changes,
    }


def event(number: int, **data: Any) -> dict[str, Any]:
    name = next(iter(data))
    return {
        "number": number,
        "event": "log" if name == "text" else name,
        "at": "2025-01-02T03:04:05Z",
        "attempt": 1,
        **data,
    }


def stream(*events: dict[str, Any]) -> bytes:
    """Server-sent events as the service writes them."""
    lines = [f"id: {each['number']}\nevent: {each['event']}\ndata: {json.dumps(each)}\n\n" for each in events]
    return "".join(["retry: 1000\n\n", *lines]).encode()


ENCODER = {
    "name": "efficientnet-lite0",
    "version": "1",
    "fingerprint": "f" * 64,
    "dim": 1280,
    "runtime": "onnxruntime",
    "device": "cpu",
    "precision": "float32",
    "image_size": 224,
    "loaded": True,
}
