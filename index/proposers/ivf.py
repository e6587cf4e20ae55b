"""Kind `ivf`: vectors in lists by the nearest of some centres; a search reads the lists of the nearest few.

Sivic and Zisserman 2003, https://doi.org/10.1109/ICCV.2003.1238663. The lists have a byte a number (FAISS's SQ8): what
they give is scored anew by the exact vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import faiss
import numpy as np
from jaxtyping import Float32

from index.proposers.kind import Tick, building_threads

__all__ = ["Ivf"]

_ROUNDS = 8
_VECTORS_A_CENTRE = 40
_AT_ONCE = 8192
_LARGEST_SHARE = 4  # who reads more than a fourth of the lists had better read everything


class Ivf:
    """See above. Its effort is nprobe: how many lists a search reads."""

    name = "ivf"
    effort_name = "nprobe"

    def build(self, matrix: Float32[np.ndarray, "count dim"], tick: Tick) -> Any:
        """See `index.proposers.kind.Kind`."""
        count, dim = matrix.shape
        faiss.omp_set_num_threads(building_threads())
        lists = max(1, min(int(2 * math.sqrt(count)), count // _VECTORS_A_CENTRE))
        sample = np.linspace(0, count - 1, min(count, _VECTORS_A_CENTRE * lists)).astype(np.int64)
        vectors = np.ascontiguousarray(matrix[sample])
        quantizer = faiss.IndexFlatIP(dim)
        quantizer.add(_centres(vectors, lists, tick))
        quantization, metric = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFScalarQuantizer(quantizer, dim, lists, quantization, metric)
        index.train(vectors)
        for start in range(0, count, _AT_ONCE):
            tick("sorting into lists", start, count)
            index.add(np.require(matrix[start : start + _AT_ONCE], requirements=("C", "A")))
        return index

    def parameters(self, index: Any) -> Mapping[str, int]:
        """How many lists."""
        return {"nlist": int(index.nlist)}

    def efforts(self, index: Any) -> Sequence[int]:
        """From one list to a fourth of them."""
        doubling = [2**power for power in range(0, 20)]
        steps = sorted({*doubling, *(3 * each for each in doubling)})
        return [each for each in steps if each <= max(1, index.nlist // _LARGEST_SHARE)]

    def asking(self, effort: int, asked: int) -> Any:  # noqa: ARG002 -- lists are read whole, whatever is asked
        """See `index.proposers.kind.Kind`."""
        parameters: Any = faiss.SearchParametersIVF  # FAISS builds its Python signatures at run time
        return parameters(nprobe=effort)

    def is_of(self, index: Any) -> bool:
        """See `index.proposers.kind.Kind`."""
        return isinstance(index, faiss.IndexIVFScalarQuantizer)


def _centres(vectors: Float32[np.ndarray, "n dim"], lists: int, tick: Tick) -> Float32[np.ndarray, "lists dim"]:
    """Spherical k-means, a round at a time, so that somebody can end it between two."""
    dim = vectors.shape[1]
    settings = faiss.ClusteringParameters()
    settings.niter, settings.spherical, settings.seed, settings.min_points_per_centroid = 1, True, 1, 1
    centres: Float32[np.ndarray, "lists dim"] = np.empty((0, dim), np.float32)
    for number in range(_ROUNDS):
        tick("finding centres", number, _ROUNDS)
        clustering = faiss.Clustering(dim, lists, settings)
        if len(centres):
            faiss.copy_array_to_vector(centres.ravel(), clustering.centroids)
        clustering.train(vectors, faiss.IndexFlatIP(dim))
        centres = faiss.vector_to_array(clustering.centroids).reshape(lists, dim)
    return centres
