"""Rebuild: all vectors of a pool made anew, number 1's from its images, and what they are searched by."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32

from encoders.encoder import Encoder
from index.encoder_version import FROZEN, EncoderVersion
from index.pool import Pool
from index.recoding import Recode, RowsToEncode, recode_by
from invariantselect.errors import EncoderVersionChangedError, EncoderVersionNotFoundError, PoolNotAdaptedError
from invariantselect.wire.jobs import RebuildRequest
from service.jobs.context import JobContext
from service.jobs.kept_vectors import KeptVectors
from service.jobs.kind import JobKind
from service.services import Services

__all__ = ["REBUILD"]

_AT_ONCE = 16  # images between two looks at whether to go on


def _rebuild(context: JobContext, request: RebuildRequest) -> dict[str, Any]:
    pool = context.open_pool()
    images = encoded = 0
    kinds: dict[str, None] = {}
    for version in _each_that_lives(pool):
        try:
            encoding = None if request.keep_vectors else _encoding(context, pool, version)
            pool.rebuild(encoding, version.number, recall=request.recall, tick=partial(_tell, context))
        except (EncoderVersionChangedError, EncoderVersionNotFoundError, PoolNotAdaptedError):
            if any(each.number == version.number for each in pool.live()):
                raise
            context.log(f"encoder version {version.number} serves no more, so it is left as it is")
            continue
        if encoding is not None:
            context.log(
                f"encoder version {version.number}: {encoding.done} images,"
                f" {encoding.done - encoding.kept} of them encoded in this attempt"
            )
            images, encoded = max(images, encoding.done), encoded + encoding.done - encoding.kept
        for entry in pool.manifest(version).segments:
            kinds[entry.kind] = None
            if entry.note:
                context.log(f"encoder version {version.number}: {entry.note}")
    result = {"images": images, "encoded": encoded, "snapshot": pool.summary().version}
    return result if request.recall is None else {**result, "search": " and ".join(kinds)}


def _each_that_lives(pool: Pool) -> Iterator[EncoderVersion]:
    """The live versions, number 1 first, as others may be made from it; and whichever begins to serve meanwhile."""
    seen: set[int] = set()
    while True:
        version = next((each for each in pool.live() if each.number not in seen), None)
        if version is None:
            return
        seen.add(version.number)
        yield version


def _encoding(context: JobContext, pool: Pool, version: EncoderVersion) -> _Encoding:
    context.progress("loading the encoder")
    encoder = _encoder(context.services, pool, version)
    first = version.number == FROZEN
    recode = recode_by(encoder, pool.fingerprint, context.services.image_limits, from_images=first)
    return _Encoding(context, version, recode, pool.summary().demonstrations)


def _tell(context: JobContext, phase: str, done: int, total: int) -> None:
    context.check()
    context.progress(phase, done, total)


def _encoder(services: Services, pool: Pool, version: EncoderVersion) -> Encoder:
    for embedder in services.pool_embedders(pool):
        if embedder.identity.fingerprint == version.fingerprint:
            return embedder.encoder
    raise EncoderVersionChangedError(f"the encoder version {version.number} of the pool {pool.name!r} serves no more")


class _Encoding:
    """Encodes by one version; vectors are kept in the job's folder, so that no attempt encodes an image again.

    Attributes:
        done: Images so far.
        kept: Those among them whose vectors were there from an attempt before.
    """

    def __init__(self, context: JobContext, version: EncoderVersion, recode: Recode, total: int) -> None:
        self._context = context
        self._recode = recode
        self._total = total
        self._vectors = KeptVectors(context.folder, version.fingerprint, version.dim)
        self.done = self.kept = 0

    def __call__(self, given: RowsToEncode) -> Float32[np.ndarray, "n dim"]:
        self._context.check()
        there, vectors = self._vectors.find(given.rows)
        kept = int(np.count_nonzero(there))
        self._tell(kept)
        self.kept += kept
        lacking = np.flatnonzero(~there)
        for start in range(0, len(lacking), _AT_ONCE):
            self._context.check()
            some = lacking[start : start + _AT_ONCE]
            part = given.only(some)
            vectors[some] = self._recode(part)
            self._vectors.keep(part.rows, vectors[some])
            self._tell(len(some))
        return vectors

    def _tell(self, more: int) -> None:
        self.done += more
        self._context.progress("encoding", self.done, max(self._total, self.done))


REBUILD = JobKind("rebuild", RebuildRequest, _rebuild)
