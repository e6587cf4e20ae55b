"""What holds for a catalog in PostgreSQL alone: locks between processes, lost connections, an outage."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psycopg
import pytest

from index.catalog import postgresql
from index.catalog.engine import Catalog
from index.pools import Pools
from invariantselect.errors import CatalogUnavailableError, InvalidRequestError
from tests.index.entries import DIM, FINGERPRINT, entry
from tests.postgres import RealPostgres, needs_postgres

pytestmark = needs_postgres


@pytest.fixture
def url(postgres, tmp_path) -> str:
    return postgres.url(f"catalog_{abs(hash(str(tmp_path)))}")


@pytest.fixture
def catalog(url):
    opened = Catalog(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url, catalog):
    opened = Catalog(url)
    yield opened
    opened.close()


@pytest.fixture
def pools(tmp_path, url):
    with Pools(tmp_path, database_url=url) as pools:
        pools.create("pool", "fake", FINGERPRINT, DIM)
        yield pools


@pytest.fixture
def mortal():
    """A PostgreSQL of the test's own, to be killed."""
    server = RealPostgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def count(catalog: Catalog) -> int:
    with catalog.reading() as connection:
        return connection.exec_driver_sql("SELECT n FROM counted").scalar_one()


def test_writers_of_several_processes_take_turns_and_lose_nothing(catalog, other):
    with catalog.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE counted (n int)")
        connection.exec_driver_sql("INSERT INTO counted VALUES (0)")

    def add(which: Catalog) -> None:
        for _ in range(20):
            with which.writing() as connection:
                now = connection.exec_driver_sql("SELECT n FROM counted").scalar_one()
                connection.exec_driver_sql(f"UPDATE counted SET n = {now + 1}")  # two at once would lose one

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, [catalog, other, catalog, other]))
    assert count(catalog) == 80


def test_a_reader_sees_one_state_and_waits_for_no_writer(catalog, other):
    with catalog.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE counted (n int)")
        connection.exec_driver_sql("INSERT INTO counted VALUES (1)")
    with other.writing() as writing:
        writing.exec_driver_sql("UPDATE counted SET n = 2")
        assert count(catalog) == 1
    with catalog.reading() as reading:
        assert reading.exec_driver_sql("SELECT n FROM counted").scalar_one() == 2
        with other.writing() as writing:
            writing.exec_driver_sql("UPDATE counted SET n = 3")
        assert reading.exec_driver_sql("SELECT n FROM counted").scalar_one() == 2
    assert count(catalog) == 3


def test_a_writer_that_has_to_wait_too_long_is_told(url, catalog, monkeypatch):
    monkeypatch.setitem(postgresql._SESSION, "lock_timeout", "50ms")
    other = Catalog(url)
    with catalog.writing():
        with pytest.raises(CatalogUnavailableError, match="LockNotAvailable"), other.writing():
            pass
        assert other.lost_seconds is None  # it is busy, not away
    with other.writing():
        pass
    other.close()


def test_keys_and_jobs_do_not_wait_for_what_is_written_to_pools(url, catalog):
    service = Catalog(url, "service")
    with catalog.writing(), service.writing():
        pass
    service.close()


def test_a_version_is_asked_without_leaving_a_transaction_open(pools, url):
    pool = pools.open("pool")
    assert pool.version() == 1
    with psycopg.connect(url) as watching:
        states = watching.execute(
            "SELECT state FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%version%'"
        ).fetchall()
    assert states
    assert {state for (state,) in states} == {"idle"}


def test_connections_that_the_server_closed_are_replaced_unnoticed(pools, url):
    pool = pools.open("pool")
    for use in (
        pool.version,
        pool.summary,
        lambda: pool.write([entry("a")]),
        lambda: pool.delete(["a"]),
        pool.snapshot,
    ):
        with psycopg.connect(url, autocommit=True) as killing:
            killing.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        use()
    assert pool.summary().demonstrations == 0


def test_a_server_that_is_gone_is_told_at_once_and_found_again(mortal, tmp_path):
    with Pools(tmp_path, database_url=mortal.url("s")) as pools:
        pool = pools.create("pool", "fake", FINGERPRINT, DIM)
        pool.write([entry("a")])
        snapshot = pool.snapshot()
        mortal.kill()
        began = time.monotonic()
        for _ in range(200):
            for use in (pool.version, pool.summary, pool.snapshot, lambda: pool.write([entry("b")])):
                with pytest.raises(CatalogUnavailableError) as caught:
                    use()
                assert "/tmp" not in caught.value.detail
        assert time.monotonic() - began < 20  # nobody waits for a time limit
        assert pools.lost_seconds > 0
        assert "socket" in pools.lost_because
        assert pools.open("pool") is pool
        assert pool.last_snapshot() is snapshot
        mortal.start()
        deadline = time.monotonic() + 20
        while pools.lost_seconds is not None:
            assert time.monotonic() < deadline
            with suppress(CatalogUnavailableError):
                pool.version()
            time.sleep(0.02)
        assert pool.snapshot() is snapshot
        assert [each.status for each in pool.write([entry("b")])] == ["created"]
        assert pool.snapshot().alive.sum() == 2


def test_while_a_server_is_away_one_thread_at_a_time_looks_for_it(mortal, tmp_path):
    catalog = Catalog(mortal.url("s"))
    mortal.kill()
    for _ in range(2):
        with pytest.raises(CatalogUnavailableError):
            catalog.version_of("x")
    tries = []
    connect = catalog._engine.raw_connection
    catalog._engine.raw_connection = lambda: tries.append(threading.get_ident()) or connect()
    catalog._outage._next_try = 0.0

    def ask(_: int) -> None:
        with pytest.raises(CatalogUnavailableError):
            catalog.version_of("x")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(50)))
    assert 1 <= len(tries) <= 3
    catalog.close()


def test_who_asks_whether_it_is_there_waits_for_nobody_s_connection(catalog):
    with ExitStack() as readers:
        for _ in range(postgresql._CONNECTIONS + postgresql._MORE_CONNECTIONS):
            readers.enter_context(catalog.reading())
        began = time.monotonic()
        catalog.ask()
        assert time.monotonic() - began < postgresql._CONNECTION_SECONDS / 2
    assert catalog.lost_seconds is None


def test_who_asks_finds_a_server_gone_and_there_again(mortal, tmp_path):
    asked = Catalog(mortal.url("catalog"))
    asked.ask()
    mortal.kill()
    with pytest.raises(CatalogUnavailableError):
        asked.ask()
    assert asked.lost_seconds is not None
    mortal.start()
    asked.ask()
    assert asked.lost_seconds is None
    asked.close()


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path):
    for url in ("postgresql://me:hush@127.0.0.1:1/x", "postgresql://me:hush@[", "postgresql://me:hush@host:port/x"):
        with pytest.raises(CatalogUnavailableError) as caught:
            Pools(tmp_path, database_url=url)
        assert "hush" not in f"{caught.value.detail} {caught.value.hint}"


def test_without_the_driver_its_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CatalogUnavailableError, match="needs the package psycopg") as caught:
        Pools(tmp_path, database_url="postgresql://host/x")
    assert "invariantselect-server[postgres]" in caught.value.hint


def test_texts_are_in_the_order_of_their_code_points(pools):
    for name in ("b", "B", "a"):
        pools.create(name, "fake", FINGERPRINT, DIM)
    assert [pool.name for pool in pools.list()] == ["B", "a", "b", "pool"]
    pool = pools.open("pool")
    pool.write([entry(word, label=word) for word in ("ä", "b", "B", "a", "_")] + [entry("c", label="B", domain="x")])
    assert [each.id for each in pool.page(None, 9)] == ["B", "_", "a", "b", "c", "ä"]
    assert [each.id for each in pool.page("_", 2)] == ["a", "b"]
    counts = [(each.label, each.domain) for each in pool.summary().counts]
    assert counts == [("B", None), ("B", "x"), ("_", None), ("a", None), ("b", None), ("ä", None)]


def test_a_text_that_it_cannot_hold_is_the_caller_s_mistake(pools):
    with pytest.raises(InvalidRequestError):
        pools.open("pool").get(["a\0"])


def test_a_directory_and_a_database_that_do_not_belong_together_are_refused(tmp_path, postgres, url, pools):
    Pools(tmp_path, database_url=url).close()  # as another replica does
    elsewhere = tmp_path / "not shared"
    with pytest.raises(CatalogUnavailableError, match="whose files are not in the data directory") as caught:
        Pools(elsewhere, database_url=url)
    own = (tmp_path / "catalog.id").read_text()
    assert own in caught.value.hint
    (elsewhere / "catalog.id").write_text(own)
    Pools(elsewhere, database_url=url).close()
    with pytest.raises(CatalogUnavailableError, match="belongs to another database"):
        Pools(tmp_path, database_url=postgres.url("another"))
    with pytest.raises(CatalogUnavailableError, match="is in PostgreSQL"):
        Pools(tmp_path)
    embedded = tmp_path / "embedded"
    Pools(embedded).close()
    with pytest.raises(CatalogUnavailableError, match="has its catalog in catalog"):
        Pools(embedded, database_url=postgres.url("another"))


def test_a_pool_dropped_elsewhere_is_let_go(pools, tmp_path, url):
    pool = pools.open("pool")
    pool.write([entry("a")])
    pool.snapshot()
    with Pools(tmp_path, database_url=url) as elsewhere:
        elsewhere.open("pool").write([entry("b")])
        assert pools.catch_up() == [pool]
        assert pool.last_snapshot().alive.sum() == 2
        assert pools.catch_up() == []
        elsewhere.drop("pool")
    assert pools.searchable
    assert pools.catch_up() == []
    assert not pools.searchable


def test_each_write_is_told_once_it_is_durable(pools):
    told = []
    pool = pools.open("pool")
    pools.when_written(lambda: told.append(pool.version()))
    pool.write([entry("a")])
    assert told == [2]
    with pytest.raises(ZeroDivisionError), pool._catalog.writing():
        1 / 0  # noqa: B018
    assert told == [2]
