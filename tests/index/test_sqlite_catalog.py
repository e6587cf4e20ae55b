"""What holds for a catalog in SQLite alone."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError
from tests.index.entries import entry, make_pool


def test_a_connection_is_set_up_for_durability_and_references(tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path / 'c.sqlite3'}")
    with catalog.reading() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    catalog.close()


def test_a_database_that_stays_locked_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("index.catalog.sqlite._PRAGMAS", ("busy_timeout = 50", "journal_mode = WAL"))
    pool = make_pool(tmp_path)
    holder = sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(CatalogUnavailableError, match="locked"):
            pool.write([entry("a")])
        assert pool.snapshot().size == 0  # reading goes on
    finally:
        holder.close()
    pool.write([entry("a")])


def test_a_writer_does_not_wait_for_ever_for_another_of_its_process(tmp_path, monkeypatch):
    pool = make_pool(tmp_path)
    monkeypatch.setattr("index.catalog.engine._TURN_SECONDS", 0.05)
    writing, over = threading.Event(), threading.Event()

    def hold() -> None:
        with pool._catalog.writing():
            writing.set()
            assert over.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert writing.wait(20)
    with pytest.raises(CatalogUnavailableError, match="other writes of this process"):
        pool.write([entry("a")])
    over.set()
    holder.join()
    pool.write([entry("a")])
    assert [each.id for each in pool.page(None, 9)] == ["a"]


def test_a_database_that_is_full_is_told_and_left_as_it_was(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a")])
    with pool._catalog.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    pool._catalog.close()  # the limit holds for the one connection that is opened next
    with pool._catalog.reading() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(CatalogUnavailableError, match="full"):
        pool.write([entry(f"{number}", metadata={"text": "x" * 5000}) for number in range(50)])
    assert [each.id for each in pool.page(None, 9)] == ["a"]
