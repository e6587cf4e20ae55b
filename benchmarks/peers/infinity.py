"""`infinity-emb` as a server of its own, asked for vectors that its user then looks up in FAISS.

Source: Feil, Infinity, 2023, https://github.com/michaelfeil/infinity.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from jaxtyping import Float32

from benchmarks.clients import Asked, drive
from benchmarks.server import Server, free_port, started

__all__ = ["embed", "running", "select_all"]

_NAME = "clip"
_K = 7


@contextmanager
def running(python: Path, model: Path, log: Path) -> Iterator[Server]:
    """Serve a model folder with the `infinity-emb` of an environment of its own.

    Args:
        python: The interpreter of that environment.
        model: The folder.
        log: Where the server's words go.
    """
    port = free_port()
    command = [str(python), "-c", "from infinity_emb.cli import cli; cli()", "v2"]
    command += ["--model-id", str(model), "--served-model-name", _NAME, "--engine", "torch", "--device", "cpu"]
    command += ["--dtype", "float32", "--batch-size", "32", "--no-bettertransformer", "--no-compile"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    with started(command, environment, port=port, log=log, ready="/health") as server:
        yield server


def select_all(url: str, images: Sequence[bytes], index: faiss.IndexFlatIP, *, clients: int) -> float:
    """Seconds until each image was encoded, in a request of its own, and its client had found the 7 nearest."""

    def find(answer: Any) -> bool:
        _, nearest = index.search(_vectors(answer), _K)
        return nearest.shape == (1, _K)

    return drive(url, [_asked([image]) for image in images], clients, find)


def embed(url: str, images: Sequence[bytes]) -> Float32[np.ndarray, "n dim"]:
    """Vectors of images, encoded in one request."""
    told: list[Float32[np.ndarray, "n dim"]] = []

    def keep(answer: Any) -> bool:
        told.append(_vectors(answer))
        return True

    drive(url, [_asked(images)], 1, keep)
    return told[0]


def _asked(images: Sequence[bytes]) -> Asked:
    uris = [f"data:image/jpeg;base64,{base64.b64encode(image).decode('ascii')}" for image in images]
    # As base64 the vector needs no digits: what a user does who cares for speed.
    body = {"model": _NAME, "input": uris, "modality": "image", "encoding_format": "base64"}
    return Asked("/embeddings", json.dumps(body).encode())


def _vectors(answer: Any) -> Float32[np.ndarray, "n dim"]:
    rows = [np.frombuffer(base64.b64decode(each["embedding"]), np.float32) for each in answer["data"]]
    vectors: Float32[np.ndarray, "n dim"] = np.stack(rows)
    return vectors
