"""Opening what a test works with in the database that the test is about, here and in other processes.

A file in a test's folder names a PostgreSQL server; each data directory below has a schema there. Without it the
catalog is in SQLite, as everywhere.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from index import inspection
from index import pools as real
from index.catalog.engine import Catalog
from index.catalog.opening import open_catalog
from service import store
from tests.postgres import url_of_schema

__all__ = ["Pools", "catalog_in", "close_all", "database_url", "inspect", "open_store", "use_postgresql"]

_FILE = "catalog.url"
_opened: list[real.Pools | Catalog] = []


def use_postgresql(folder: Path, server: str) -> None:
    """Let what is opened in a folder, or below, have its catalog in a PostgreSQL."""
    (folder / _FILE).write_text(server)


def database_url(data: Path) -> str | None:
    """The setting for a data directory."""
    data = data.resolve()
    for folder in (data, *data.parents):
        if (folder / _FILE).exists():
            schema = f"data_{hashlib.sha256(str(data).encode()).hexdigest()[:16]}"
            return url_of_schema((folder / _FILE).read_text(), schema)
    return None


class Pools(real.Pools):
    """The pools of a data directory, as `index.pools.Pools` opens them."""

    def __init__(self, data: Path, *, seal_at: int = 4096) -> None:
        super().__init__(data, seal_at=seal_at, database_url=database_url(data))
        if self._catalog.remote:
            _opened.append(self)


def open_store(data: Path) -> Catalog:
    """The tables of keys and jobs, as `service.store.open_store` opens them."""
    return _kept(store.open_store(data, database_url(data)))


def catalog_in(data: Path) -> Catalog:
    """The catalog alone."""
    return _kept(open_catalog(data, database_url(data)))


def inspect(data: Path) -> list[inspection.Finding]:
    """What is wrong with a data directory."""
    return inspection.inspect(data, database_url(data))


def close_all() -> None:
    """Close what was opened: a test leaves its pools open, and PostgreSQL has so many connections and no more."""
    while _opened:
        _opened.pop().close()


def _kept(catalog: Catalog) -> Catalog:
    if catalog.remote:
        _opened.append(catalog)
    return catalog
