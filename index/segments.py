"""Sealed vectors: an immutable FAISS file with the rows of its vectors beside it, mapped rather than read.

Every segment is searched exactly. One may have an approximate half, which a rebuild gives it: see `index.proposers`.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from jaxtyping import Bool, Float32, Int64

from encoders.flush import flush
from index.durable_files import sha256_of
from index.flat_file import FlatFile, writing
from index.inner_products import rounding_of_scan
from index.manifest import SegmentEntry
from index.proposers.proposer import Proposer, open_proposer, read_mapped
from index.scan import scan_matrix
from index.tail import Part
from index.unmapping import unmap_aside
from invariantselect.errors import StoreCorruptError

__all__ = ["Segment", "open_segment", "write_segment"]

# From this many queries on, multiplying blocks of rows with all of them at once reads the file only once.
_BATCH_WORTH_BLAS = 4
_HEADER_ALLOWANCE = 4096


class Segment:
    """An open segment. Nothing in it changes, so any number of threads may search it.

    FAISS counts its threads per calling thread (OpenMP's nthreads is a per-thread value), so each search sets one for
    the thread it runs in and the setting can't race: many searches run side by side instead of one on many cores.
    """

    def __init__(
        self, entry: SegmentEntry, index: Any, rows: Int64[np.ndarray, " count"], proposer: Proposer | None = None
    ) -> None:
        self.entry = entry
        self.rows = rows
        self.matrix = _mapped(index)  # read-only
        self._index = index  # keeps the file mapped for as long as the matrix is in use
        self._proposer = proposer

    @property
    def count(self) -> int:
        """How many vectors."""
        return self.entry.count

    @property
    def max_norm(self) -> float:
        """Largest Euclidean norm among them."""
        return self.entry.max_norm

    def look_through(self) -> None:
        """Look at every page of the vectors, unless an approximate half spares searches that.

        The first search then neither faults nor waits for a disk: a file that was written a while ago may have left
        the page cache.
        """
        if self._proposer is None:
            self.matrix.reshape(-1)[:: mmap.PAGESIZE // self.matrix.itemsize].max(initial=0)

    def vectors(self, offsets: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
        """A copy of the vectors at the offsets."""
        copy: Float32[np.ndarray, "n dim"] = self.matrix[offsets]
        return copy

    def candidates(
        self, queries: Float32[np.ndarray, "batch dim"], limit: int, allowed: Bool[np.ndarray, " count"] | None
    ) -> list[Int64[np.ndarray, " _"]]:
        """For each query the offsets of all vectors that may be among its `limit` nearest, in no order."""
        if len(queries) >= _BATCH_WORTH_BLAS:
            return scan_matrix(self.matrix, queries, limit, allowed, self.max_norm)
        return [self._candidates_of_one(query, limit, allowed) for query in queries]

    def probable(
        self, queries: Float32[np.ndarray, "batch dim"], limit: int, alive: Bool[np.ndarray, " count"] | None
    ) -> list[Int64[np.ndarray, " _"]]:
        """For each query offsets of living vectors among which its `limit` nearest probably are, in no order.

        There are at least `limit` of them, or all that live. Where the approximate half finds too few, because many
        are dead or many are asked for, the search is exact; so it is in a segment without one.
        """
        if self._proposer is None:
            return self.candidates(queries, limit, alive)
        wanted = min(limit, self.count if alive is None else int(np.count_nonzero(alive)))
        proposed = [self._proposed(self._proposer, query, wanted, alive) for query in queries]
        short = [number for number, offsets in enumerate(proposed) if offsets is None]
        exact = dict(zip(short, self.candidates(queries[short], limit, alive), strict=True)) if short else {}
        return [exact[number] if offsets is None else offsets for number, offsets in enumerate(proposed)]

    def _proposed(
        self,
        proposer: Proposer,
        query: Float32[np.ndarray, " dim"],
        wanted: int,
        alive: Bool[np.ndarray, " count"] | None,
    ) -> Int64[np.ndarray, " _"] | None:
        depths = () if self.entry.proposer is None else self.entry.proposer.depths
        for depth in depths:
            if depth.k >= wanted:
                offsets = proposer.propose(query, depth.k, depth.effort)
                living = offsets if alive is None else offsets[alive[offsets]]
                if len(living) >= wanted:
                    return living
        return None

    def _candidates_of_one(
        self, query: Float32[np.ndarray, " dim"], limit: int, allowed: Bool[np.ndarray, " count"] | None
    ) -> Int64[np.ndarray, " _"]:
        faiss.omp_set_num_threads(1)
        parameters = None
        if allowed is not None:
            parameters = _only(np.packbits(allowed, bitorder="little"))
        norm = float(np.linalg.norm(query.astype(np.float64)))
        slack = 2 * rounding_of_scan(norm, self.max_norm, len(query))
        asked = 2 * limit + 64
        while True:
            asked = min(asked, self.count)
            products, offsets = self._index.search(query[np.newaxis], asked, params=parameters)
            found: Int64[np.ndarray, " _"] = offsets[0][offsets[0] >= 0]
            complete = len(found) < asked or asked == self.count
            if complete or products[0, -1] < np.float64(products[0, limit - 1]) - slack:
                return found
            asked *= 4


def _only(bits: np.ndarray) -> Any:
    parameters: Any = faiss.SearchParameters  # FAISS builds its Python signatures at run time
    selector: Any = faiss.IDSelectorBitmap
    return parameters(sel=selector(bits))


def open_segment(folder: Path, entry: SegmentEntry, dim: int) -> Segment:
    """Map a segment. The rows are checked; the vectors' checksum is left to a merge and to `index.inspection`, as
    reading every byte would undo the mapping.

    Raises:
        FileNotFoundError: A file is gone; where a newer manifest exists, that one doesn't need it.
        StoreCorruptError: A file is truncated, or isn't what the manifest says.
    """
    path = folder / entry.file
    excess = path.stat().st_size - entry.count * dim * 4
    content = (folder / entry.rows_file).read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.rows_sha256:
        raise StoreCorruptError(f"the file {folder / entry.rows_file} was altered")
    rows = np.load(io.BytesIO(content), allow_pickle=False)
    index = read_mapped(path) if 0 < excess < _HEADER_ALLOWANCE else None
    sound = isinstance(index, faiss.IndexFlatIP) and (index.ntotal, index.d) == (entry.count, dim)
    if not sound or rows.dtype != np.int64 or rows.shape != (entry.count,) or not (np.diff(rows) > 0).all():
        raise StoreCorruptError(f"the segment {path} isn't what the manifest says")
    proposer = open_proposer(folder, entry, dim)
    segment = Segment(entry, index, rows, proposer)
    mapped = [path] if entry.proposer is None else [path, folder / entry.proposer.file]
    unmap_aside(segment, mapped, [index, proposer])
    return segment


def write_segment(folder: Path, parts: Iterable[Part], dim: int, *, expected: int = 0) -> SegmentEntry | None:
    """Write rows and vectors, in ascending order of rows, as a new segment, flushed; None where there are none.

    A part is written before the next one is asked for: memory holds one part, however many there are.

    Args:
        folder: Where to.
        parts: Rows and vectors.
        dim: Length of a vector.
        expected: How many vectors there will be, if that is known: then the file needn't be read again for its hash.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
        StoreCorruptError: FAISS doesn't read what was written.
    """
    name = f"segment-{uuid.uuid4().hex}"
    path, rows_path = folder / f"{name}.faiss", folder / f"{name}.rows.npy"
    rows: list[Int64[np.ndarray, " _"]] = []
    file = FlatFile(path, dim, expected)
    try:
        for part_rows, vectors in parts:
            file.append(vectors)
            rows.append(part_rows)
    except BaseException:
        file.abandon()
        raise
    written = file.close()
    if written.count == 0:
        path.unlink()
        return None
    with writing(rows_path):
        np.save(rows_path, np.concatenate(rows), allow_pickle=False)
        flush(rows_path)
        flush(folder)
    entry = SegmentEntry(
        file=path.name,
        rows_file=rows_path.name,
        count=written.count,
        kind="flat",
        sha256=written.sha256,
        rows_sha256=sha256_of(rows_path),
        max_norm=written.max_norm,
    )
    open_segment(folder, entry, dim)
    return entry


def _mapped(index: Any) -> Float32[np.ndarray, "count dim"]:
    matrix: Float32[np.ndarray, "count dim"] = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
    matrix = matrix.reshape(index.ntotal, index.d)
    matrix.flags.writeable = False
    return matrix
