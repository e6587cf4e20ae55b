"""Making a pool's segments anew from its images: for vectors that were lost or damaged, or are to be made afresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from index.blobs import Blobs
from index.catalog.changes import forget_sealed
from index.catalog.demonstration_rows import images_by_row
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, advance, get_pool
from index.manifest import Manifest, SegmentEntry, write_manifest
from index.sealing import sweep
from index.segments import write_segment
from index.tail import Part
from invariantselect.errors import ImageNotFoundError, InvalidVectorError, StoreCorruptError

__all__ = ["Encode", "rebuild"]

Encode = Callable[[list[bytes]], Float32[np.ndarray, "n dim"]]
"""Image files to their vectors, by the pool's own encoder."""

_IMAGES_AT_ONCE = 64
_SEGMENT = 32_768


def rebuild(catalog: Catalog, blobs: Blobs, folder: Path, pool: PoolRow, encode: Encode) -> None:
    """Encode every image of a pool and swap the new segments in at once. The caller holds the folder.

    What is written meanwhile stays in the tail. The old manifest and its segments are not read, so they may be lost.

    Raises:
        PoolNotFoundError: The pool was dropped.
        StoreCorruptError: An image is lost or was altered; nothing is changed.
        InvalidVectorError: `encode` returned something else than (n, dim) finite float32; nothing is changed.
        CatalogUnavailableError: The database doesn't answer, or the disk is full.
    """
    with catalog.reading() as connection:
        pool = get_pool(connection, pool.key, pool.name)
        images = images_by_row(connection, pool.key)
    entries: list[SegmentEntry] = []
    for start in range(0, len(images), _SEGMENT):
        parts = _parts(catalog, blobs, pool, images[start : start + _SEGMENT], encode)
        entry = write_segment(folder, parts, pool.dim)
        if entry is not None:
            entries.append(entry)
    manifest = Manifest(
        fingerprint=pool.fingerprint,
        dim=pool.dim,
        generation=time.time_ns(),  # no reader may take it for one that it has seen
        segments=tuple(entries),
        sealed_through=pool.next_row - 1,
        version=pool.version,
        purged_version=pool.version + 1,  # whoever has seen less reads everything again
    )
    write_manifest(folder, manifest)
    with catalog.writing() as connection:
        now = get_pool(connection, pool.key, pool.name)
        forget_sealed(connection, pool.key, through=manifest.sealed_through)
        advance(connection, pool.key, version=now.version + 1, next_row=now.next_row)
    sweep(folder, manifest)


def _parts(
    catalog: Catalog, blobs: Blobs, pool: PoolRow, images: list[tuple[int, str]], encode: Encode
) -> Iterator[Part]:
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        found: list[tuple[int, bytes]] = []
        for row, sha256 in images[start : start + _IMAGES_AT_ONCE]:
            try:
                found.append((row, blobs.get(sha256)))
            except ImageNotFoundError as error:
                with catalog.reading() as connection:
                    lost = dict(images_by_row(connection, pool.key)).get(row) == sha256
                if lost:  # and not deleted since the rebuild began
                    raise StoreCorruptError(f"the image {sha256} is lost", hint=error.hint) from error
        if found:
            rows: Int64[np.ndarray, " _"] = np.array([row for row, _ in found], dtype=np.int64)
            yield rows, _encoded(encode, [image for _, image in found], pool.dim)


def _encoded(encode: Encode, images: list[bytes], dim: int) -> Float32[np.ndarray, "n dim"]:
    vectors = np.asarray(encode(images), dtype=np.float32)
    if vectors.shape != (len(images), dim) or not np.isfinite(vectors).all():
        raise InvalidVectorError(
            f"the encoder made {vectors.shape} for {len(images)} images, the pool needs {dim} finite numbers each",
            hint="Rebuild with the encoder that the pool was made with.",
        )
    return vectors
