"""Moving a pool: export it to a directory that can be copied, and make a pool of it again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float32

from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from encoders.flush import flush
from index.demonstration import Demonstration
from index.durable_files import temporary_beside
from index.intake import take_in
from index.intake_report import IntakeReport, Progress
from index.lookahead import batches
from index.metadata import metadata_text
from index.pool import Pool
from index.pools import Pools
from index.snapshot import Snapshot
from index.sources.export import ExportSource
from index.sources.export_format import HEADER, IMAGES, TABLE, ExportHeader, image_name, table_schema
from invariantselect.errors import (
    DemonstrationNotFoundError,
    InvalidRequestError,
    PoolExistsError,
    PoolNotFoundError,
)

__all__ = ["ExportProgress", "export_pool", "import_pool"]

_ROWS_AT_ONCE = 512

ExportProgress: TypeAlias = Callable[[int, int], None]
"""Called now and then with (done, total)."""


class _Exported(NamedTuple):
    demonstration: Demonstration
    vector: Float32[np.ndarray, " dim"]


def export_pool(pool: Pool, directory: Path, *, progress: ExportProgress | None = None) -> int:
    """Write a pool to a new directory: ``pool.json``, ``demonstrations.parquet`` and ``images/``.

    All is written aside and renamed at the end, so that the directory is whole or absent. A pool that is written to
    meanwhile is exported as it stood at the beginning, except that a demonstration which was replaced or deleted
    since is exported as it is, or left out.

    Args:
        pool: Any size; it is never held in memory.
        directory: Absent or empty; folders above it are made.
        progress: Called now and then with (done, total).

    Returns:
        How many demonstrations were written.

    Raises:
        InvalidRequestError: The directory holds something, or can't be written.
        StoreCorruptError: An image or a vector of the pool is lost or damaged.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InvalidRequestError(f"There is something at {directory} already.", hint="Name a new directory.")
    aside = temporary_beside(directory.absolute())
    try:
        (aside / IMAGES).mkdir(parents=True)
        written = _write(pool, aside, progress)
        if directory.exists():
            directory.rmdir()
        aside.rename(directory)
        flush(directory.absolute().parent)
    except OSError as error:
        raise InvalidRequestError(
            f"{directory} can't be written: {error.strerror}.", hint="Check the disk, then export again."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return written


def _write(pool: Pool, aside: Path, progress: ExportProgress | None) -> int:
    snapshot = pool.snapshot()
    schema = table_schema(pool.dim)
    positions = np.flatnonzero(snapshot.alive)
    done = written = 0
    with pq.ParquetWriter(aside / TABLE, schema, compression="zstd") as table:
        for some in batches(positions.tolist(), _ROWS_AT_ONCE):
            ids = (snapshot.ids[position] for position in some)
            exported = [each for id in ids if (each := _export_one(pool, snapshot, id, aside)) is not None]
            table.write_table(_table(exported, schema))
            done, written = done + len(some), written + len(exported)
            if progress:
                progress(done, len(positions))
    flush(aside / TABLE)
    header = ExportHeader(
        name=pool.name,
        encoder=pool.encoder,
        fingerprint=pool.fingerprint,
        dim=pool.dim,
        demonstrations=written,
        snapshot=snapshot.version,
        created_at=pool.created_at,
        exported_at=datetime.now(UTC),
    )
    (aside / HEADER).write_text(header.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for path in (aside / HEADER, aside / IMAGES, aside):
        flush(path)
    return written


def _export_one(pool: Pool, snapshot: Snapshot, id: str, aside: Path) -> _Exported | None:
    """Write a demonstration's image; None for one that was deleted since the snapshot was taken."""
    while (position := snapshot.position_of(id)) is not None:
        demonstration = snapshot.demonstration(position)
        path = aside / image_name(demonstration.sha256, demonstration.media_type)
        if not path.exists():
            try:
                image = pool.image(id)
            except DemonstrationNotFoundError:
                return None
            if image.sha256 != demonstration.sha256:  # replaced since, and the old image may be gone
                snapshot = pool.snapshot()
                continue
            path.write_bytes(image.content)
            flush(path)  # else the name outlives a power cut, and the image doesn't
        return _Exported(demonstration, snapshot.vectors(np.array([position], dtype=np.int64))[0])
    return None


def _table(exported: Sequence[_Exported], schema: pa.Schema) -> pa.Table:
    rows = [each.demonstration for each in exported]
    vectors = np.concatenate([each.vector for each in exported]) if exported else np.zeros(0, np.float32)
    columns = {
        "id": [row.id for row in rows],
        "label": [row.label for row in rows],
        "domain": [row.domain for row in rows],
        "group": [row.group for row in rows],
        "metadata": [metadata_text(row.metadata) for row in rows],
        "image_sha256": [row.sha256 for row in rows],
        "media_type": [row.media_type for row in rows],
        "width": [row.width for row in rows],
        "height": [row.height for row in rows],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors), type=schema.field("vector").type),
    }
    return pa.table(columns, schema=schema)


def import_pool(
    pools: Pools,
    directory: Path,
    name: str,
    encoder_loader: Callable[[str], Encoder],
    *,
    limits: DecodeLimits = DecodeLimits(),  # noqa: B008 -- frozen
    progress: Progress | None = None,
) -> IntakeReport:
    """Make a pool from an export.

    Its vectors are used where the encoder's fingerprint is the export's, else the images are encoded again. Every
    image must have the hash it is named for, every vector length 1; a demonstration that can't be used is reported
    and the others go in. When importing fails as a whole, no pool is made.

    Args:
        pools: Where to.
        directory: What `export_pool` wrote; it may come from anybody.
        name: Of the new pool.
        encoder_loader: Gives the encoder of a name. The name comes from the export, so it must load what it is
            told from safe places only.
        limits: What images are refused.
        progress: Called after each batch with (done, total, failed, encoded).

    Returns:
        What became of the demonstrations; ``encoded`` is 0 where all vectors could be used.

    Raises:
        ManifestInvalidError: The directory is not an export, or a damaged one.
        PoolExistsError: There is a pool of this name.
        EncoderNotFoundError, EncoderUnavailableError: From the loader.
    """
    source = ExportSource(directory, max_bytes=limits.max_bytes)
    if any(pool.name == name for pool in pools.list()):  # before the encoder is loaded, which can take a while
        raise PoolExistsError(f"The pool {name!r} exists already.", pool=name)
    encoder = encoder_loader(source.header.encoder)
    identity = encoder.identity
    adapted = identity.trunk != identity.fingerprint
    pool = pools.create(name, identity.name, identity.fingerprint, identity.dim, looks_at_domains=adapted)
    try:
        return take_in(pool, [encoder], source, limits=limits, progress=progress)
    except BaseException:
        with suppress(PoolNotFoundError):
            pools.drop(name, key=pool.key)
        raise
