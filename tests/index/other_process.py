"""What another process does to a pool, one call at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.catalogs import Pools
from tests.index.entries import entry
from tests.index.model import answers


def write(data: Path, ids: list[str], image: bytes | None = None) -> None:
    with Pools(data) as pools:
        pools.open("pool").write([entry(id, image) for id in ids])


def write_one_by_one(data: Path, ids: list[str]) -> None:
    with Pools(data, seal_at=10) as pools:
        pool = pools.open("pool")
        for id in ids:
            pool.write([entry(id)])


def delete(data: Path, ids: list[str]) -> None:
    with Pools(data) as pools:
        pools.open("pool").delete(ids)


def seal(data: Path) -> None:
    with Pools(data) as pools:
        pools.open("pool").seal()


def search(data: Path, query: np.ndarray) -> list[tuple[str, np.float32]]:
    with Pools(data) as pools:
        return answers(pools.open("pool").snapshot(), query, 5)
