"""The approximate kinds. One line each; what a kind is stands in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping

from index.proposers.hnsw import Hnsw
from index.proposers.ivf import Ivf
from index.proposers.kind import Kind

__all__ = ["KINDS"]

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Ivf(),
        Hnsw(),
    )
}
