"""Kind `hnsw`: a graph of near vectors, walked from the top layer down to the query.

Malkov and Yashunin 2016, https://arxiv.org/abs/1603.09320. The vectors in the graph have a byte a number (FAISS's SQ8):
a walk jumps about in memory and is as fast as memory is; what it finds is scored anew by the exact vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import faiss
import numpy as np
from jaxtyping import Float32

from index.proposers.kind import Tick, building_threads

__all__ = ["Hnsw"]

_LINKS = 32
_CONSTRUCTION = 80
_AT_ONCE = 1024
_TRAINED_ON = 65_536


class Hnsw:
    """See above. Its effort is efSearch: how many of the best vectors seen so far a walk keeps."""

    name = "hnsw"
    effort_name = "efSearch"

    def build(self, matrix: Float32[np.ndarray, "count dim"], tick: Tick) -> Any:
        """See `index.proposers.kind.Kind`."""
        count, dim = matrix.shape
        faiss.omp_set_num_threads(building_threads())
        metric = faiss.METRIC_INNER_PRODUCT
        made: Any = faiss.IndexHNSWSQ  # FAISS builds its Python signatures at run time
        index = made(dim, faiss.ScalarQuantizer.QT_8bit, _LINKS, metric)
        index.hnsw.efConstruction = _CONSTRUCTION
        sample = np.linspace(0, count - 1, min(count, _TRAINED_ON)).astype(np.int64)
        index.train(np.ascontiguousarray(matrix[sample]))
        for start in range(0, count, _AT_ONCE):
            tick("linking neighbours", start, count)
            index.add(np.require(matrix[start : start + _AT_ONCE], requirements=("C", "A")))
        return index

    def parameters(self, index: Any) -> Mapping[str, int]:
        """M and efConstruction."""
        return {"M": int(index.hnsw.nb_neighbors(1)), "efConstruction": int(index.hnsw.efConstruction)}

    def efforts(self, index: Any) -> Sequence[int]:
        """From 16 to 1024."""
        return [each for each in (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024) if each <= index.ntotal]

    def asking(self, effort: int, asked: int) -> Any:
        """See `index.proposers.kind.Kind`."""
        parameters: Any = cast(Any, faiss).SearchParametersHNSW  # likewise
        return parameters(efSearch=max(effort, asked))

    def is_of(self, index: Any) -> bool:
        """See `index.proposers.kind.Kind`."""
        return isinstance(index, faiss.IndexHNSWSQ)
