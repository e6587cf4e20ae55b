"""An approximate half of a segment, open to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from jaxtyping import Float32, Int64

from index.manifest import SegmentEntry
from index.proposers.kind import Kind
from index.proposers.kinds import KINDS
from invariantselect.errors import StoreCorruptError

__all__ = ["Proposer", "open_proposer", "read_mapped"]

# The index ranks by vectors of a byte a number; of this many times k the exact scores then choose the k.
_ASKED_FOR_EACH = 2


class Proposer:
    """Proposes neighbours. Nothing in it changes, so any number of threads may ask it."""

    def __init__(self, kind: Kind, index: Any) -> None:
        self._kind = kind
        self._index = index

    def propose(self, query: Float32[np.ndarray, " dim"], k: int, effort: int) -> Int64[np.ndarray, " _"]:
        """Offsets among which the k nearest probably are, in no order; about twice as many.

        One query at a time, on one thread: so its answer never hangs on what is asked beside it.
        """
        faiss.omp_set_num_threads(1)
        asked = min(_ASKED_FOR_EACH * k, self._index.ntotal)
        _, offsets = self._index.search(query[np.newaxis], asked, params=self._kind.asking(effort, asked))
        found: Int64[np.ndarray, " _"] = offsets[0][offsets[0] >= 0]
        if len(found) and found.max() >= self._index.ntotal:  # FAISS doesn't check the ids in lists
            raise StoreCorruptError("an approximate index names vectors that there are not")
        return found


def open_proposer(folder: Path, entry: SegmentEntry, dim: int) -> Proposer | None:
    """Map the approximate half of a segment; None where it has none.

    FAISS checks that every link leads to a vector, so a damaged one can't lead a walk out of its memory; the hash is
    left to `index.inspection`, as that of the vectors is.

    Raises:
        FileNotFoundError: The file is gone.
        StoreCorruptError: It is truncated, or isn't what the manifest says.
    """
    if entry.proposer is None:
        return None
    path = folder / entry.proposer.file
    kind = KINDS.get(entry.kind)
    if kind is None:
        raise StoreCorruptError(f"the segment {path} is of the kind {entry.kind!r}, which this version doesn't know")
    if path.stat().st_size != entry.proposer.size:
        raise StoreCorruptError(f"the file {path} is truncated")
    index = read_mapped(path)
    if not kind.is_of(index) or (index.ntotal, index.d) != (entry.count, dim) or not entry.proposer.depths:
        raise StoreCorruptError(f"the file {path} isn't what the manifest says")
    return Proposer(kind, index)


def read_mapped(path: Path) -> Any:
    """Map a FAISS file.

    Raises:
        FileNotFoundError: It is gone.
        StoreCorruptError: FAISS can't read it.
    """
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        if not path.exists():
            raise FileNotFoundError(path) from error
        raise StoreCorruptError(f"the segment {path} can't be read") from error
