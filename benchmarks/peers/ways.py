"""Servers of one CLIP over as many vectors, and how each is asked for the neighbours of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from benchmarks import by_hand
from benchmarks.clients import select_all
from benchmarks.peers import clip_retrieval, clip_weights, infinity
from benchmarks.peers.clip_weights import ClipWeights
from benchmarks.pools import fill
from benchmarks.server import running
from encoders.catalog import load_encoder
from encoders.decode import decode
from encoders.encoder import EncoderIdentity

__all__ = ["OURS", "Scene", "Way", "ours", "peers"]

OURS = "REST select, ONNX Runtime"
POOL = "bench"
_LEAST_COSINE = 0.999

Way = Callable[[list[bytes], int], float]
"""Seconds that images take, asked for by so many clients."""


@dataclass(frozen=True)
class Scene:
    """What all of them serve.

    Attributes:
        workplace: A folder, which is the data directory here.
        weights: Of the CLIP.
        identity: Of the encoder that it is here.
        checked: Images whose vectors have to be the same everywhere.
        vectors: Theirs, by the encoder here.
        pool_size: How many vectors are searched.
    """

    workplace: Path
    weights: ClipWeights
    identity: EncoderIdentity
    checked: Sequence[bytes]
    vectors: Float32[np.ndarray, "n dim"]
    pool_size: int

    @classmethod
    def prepared(cls, workplace: Path, checked: Sequence[bytes], pool_size: int) -> Scene:
        """The weights drawn and the pool filled."""
        weights = clip_weights.write(workplace)
        name = f"open_clip:{clip_weights.MODEL}/{weights.open_clip}"
        encoder = load_encoder(name, store=workplace / "encoders", runtime="torch")
        known = encoder.identity
        fill(workplace, name=POOL, encoder=known.name, fingerprint=known.fingerprint, dim=known.dim, count=pool_size)
        vectors = encoder.encode([decode(image) for image in checked])
        return cls(workplace, weights, known, checked, vectors, pool_size)

    def check(self, peer: str, cosines: Sequence[float]) -> None:
        """Compare a peer's vectors with ours.

        Raises:
            RuntimeError: A cosine between them isn't near 1.
        """
        if min(cosines) < _LEAST_COSINE:
            raise RuntimeError(f"{peer} gives other vectors: a cosine of {min(cosines):.4f}")


def ours(stack: ExitStack, scene: Scene) -> dict[str, Way]:
    """This project's server in either runtime."""

    def serve(runtime: str) -> Way:
        server = stack.enter_context(running(scene.workplace, encoder=scene.identity.name, runtime=runtime))
        return lambda images, clients: select_all(server.url, POOL, images, clients=clients)

    return {OURS: serve("onnxruntime"), "REST select, torch": serve("torch")}


def peers(stack: ExitStack, scene: Scene, pythons: Mapping[str, Path]) -> dict[str, Way]:
    """Those whose interpreters are known, once they have given our vectors."""
    makers = {"infinity-emb": _infinity, "clip-retrieval": _clip_retrieval}
    return dict(makers[name](stack, scene, python) for name, python in pythons.items())


def _infinity(stack: ExitStack, scene: Scene, python: Path) -> tuple[str, Way]:
    log = scene.workplace / "infinity.log"
    url = stack.enter_context(infinity.running(python, scene.weights.transformers, log)).url
    there = infinity.embed(url, scene.checked)
    cosines = np.sum(scene.vectors * there, axis=1) / np.linalg.norm(there, axis=1)
    scene.check("infinity-emb", cosines.tolist())
    index = by_hand.flat_index(scene.identity.dim, scene.pool_size)
    return (
        "`infinity-emb` (torch), FAISS in the client",
        lambda images, clients: infinity.select_all(url, images, index, clients=clients),
    )


def _clip_retrieval(stack: ExitStack, scene: Scene, python: Path) -> tuple[str, Way]:
    index = by_hand.flat_index(scene.identity.dim, scene.pool_size - len(scene.checked))
    index.add(scene.vectors)  # found with a similarity of 1 if the images get the same vectors there
    folder = scene.workplace / "clip-retrieval"
    url = stack.enter_context(clip_retrieval.running(python, scene.weights.open_clip, index, folder)).url
    scene.check("clip-retrieval", clip_retrieval.similarities(url, scene.checked))
    return (
        "`clip-retrieval back` (torch)",
        lambda images, clients: clip_retrieval.select_all(url, images, clients=clients),
    )
