"""Rebuild: all vectors of a pool made anew from its images, while it is searched and written."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.decode import decode
from encoders.encoder import Encoder
from invariantselect.errors import InvalidRequestError
from invariantselect.wire.jobs import RebuildRequest
from service.encoder_shelf import check_fingerprint
from service.jobs.context import JobContext
from service.jobs.kind import JobKind

__all__ = ["REBUILD"]

_AT_ONCE = 16  # images between two looks at whether to go on


def _rebuild(context: JobContext, _request: RebuildRequest) -> dict[str, Any]:
    if context.pool is None:
        raise InvalidRequestError("a rebuild needs a pool")
    services = context.services
    pool = services.pools.open(context.pool)
    context.progress("loading the encoder")
    encoder = services.encoders.get(pool.encoder)
    check_fingerprint(pool.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {pool.encoder}")
    encoding = _Encoding(context, encoder, pool.summary().demonstrations)
    pool.rebuild(encoding)
    context.log(f"{encoding.done} images, {encoding.done - encoding.kept} of them encoded in this attempt")
    return {"images": encoding.done, "encoded": encoding.done - encoding.kept, "snapshot": pool.summary().version}


class _Encoding:
    """Image files to vectors, each group of files kept in the job's folder, so that no attempt does it again.

    Attributes:
        done: Images so far.
        kept: Those among them whose vectors were there from an attempt before.
    """

    def __init__(self, context: JobContext, encoder: Encoder, total: int) -> None:
        self._context = context
        self._encoder = encoder
        self._total = total
        self.done = self.kept = 0

    def __call__(self, images: list[bytes]) -> NDArray[np.float32]:
        parts = [self._group(images[start : start + _AT_ONCE]) for start in range(0, len(images), _AT_ONCE)]
        return np.concatenate(parts)

    def _group(self, images: list[bytes]) -> NDArray[np.float32]:
        self._context.check()
        file = self._context.folder / f"{self._name_of(images)}.f32"
        shape = (len(images), self._encoder.identity.dim)
        vectors = _read(file, shape)
        if vectors is None:
            vectors = self._encoded(images)
            _write(file, vectors)
        else:
            self.kept += len(images)
        self.done += len(images)
        self._context.progress("encoding", self.done, max(self._total, self.done))
        return vectors

    def _name_of(self, images: list[bytes]) -> str:
        digest = hashlib.sha256(self._encoder.identity.fingerprint.encode())
        for image in images:
            digest.update(hashlib.sha256(image).digest())
        return digest.hexdigest()

    def _encoded(self, images: list[bytes]) -> NDArray[np.float32]:
        open_image = partial(decode, limits=self._context.services.image_limits)
        # One decoded picture at a time: it may be a thousand times larger than what the encoder sees of it.
        return self._encoder.forward(np.stack([self._encoder.preprocess(open_image(image)) for image in images]))


def _read(file: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Vectors of an attempt before; None where there are none, or not all of them."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    if len(content) != 4 * shape[0] * shape[1]:
        return None
    return np.frombuffer(content, dtype="<f4").reshape(shape).astype(np.float32)


def _write(file: Path, vectors: NDArray[np.float32]) -> None:
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(vectors.astype("<f4").tobytes())
    temporary.replace(file)


REBUILD = JobKind("rebuild", RebuildRequest, _rebuild)
