"""The back end of `clip-retrieval` as a server of its own, which encodes and searches in one request, as here.

Source: Beaumont, Clip retrieval, 2022, https://github.com/rom1504/clip-retrieval.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss

from benchmarks.clients import Asked, drive
from benchmarks.peers.clip_weights import MODEL
from benchmarks.server import Server, free_port, started

__all__ = ["running", "select_all", "similarities"]

_INDEX = "bench"
_WRITE_METADATA = """
import sys
import pandas
pandas.DataFrame({"caption": [f"label-{n % 10}" for n in range(int(sys.argv[2]))]}).to_parquet(sys.argv[1])
"""


@contextmanager
def running(python: Path, checkpoint: Path, index: faiss.IndexFlatIP, folder: Path) -> Iterator[Server]:
    """Serve an index and the CLIP of a checkpoint with the `clip-retrieval` of an environment of its own.

    Args:
        python: The interpreter of that environment.
        checkpoint: Of open_clip, for `MODEL`.
        index: What is searched; each row has a caption.
        folder: Where the index, the captions and the server's words are put; made here.
    """
    metadata = folder / "metadata"
    metadata.mkdir(parents=True)
    faiss.write_index(index, str(folder / "image.index"))
    subprocess.run([str(python), "-c", _WRITE_METADATA, str(metadata / "0.parquet"), str(index.ntotal)], check=True)
    indices = folder / "indices.json"
    indices.write_text(json.dumps({_INDEX: str(folder)}), encoding="utf-8")
    port = free_port()
    command = [str(python), "-m", "clip_retrieval.clip_back", f"--indices_paths={indices}", f"--port={port}"]
    command += [f"--clip_model=open_clip:{MODEL}/{checkpoint}", "--use_jit=False", "--enable_mclip_option=False"]
    command += ["--provide_aesthetic_embeddings=False", "--columns_to_return=[caption]"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with started(command, environment, port=port, log=folder / "server.log", ready="/indices-list") as server:
        yield server


def select_all(url: str, images: Sequence[bytes], *, clients: int) -> float:
    """Seconds until each image, sent in a request of its own, was answered with its 7 nearest."""
    return drive(url, [_asked(image) for image in images], clients, lambda answer: len(answer) == 7)


def similarities(url: str, images: Sequence[bytes]) -> list[float]:
    """How similar the nearest row is to each image."""
    told: list[float] = []

    def keep(answer: Any) -> bool:
        told.append(float(answer[0]["similarity"]))
        return True

    drive(url, [_asked(image) for image in images], 1, keep)
    return told


def _asked(image: bytes) -> Asked:
    body = {"image": base64.b64encode(image).decode("ascii"), "modality": "image", "num_images": 7}
    return Asked("/knn-service", json.dumps({**body, "indice_name": _INDEX}).encode())
