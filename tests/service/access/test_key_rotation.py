"""A key gets a successor and ends after an overlap; a running server knows at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import event

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError, InvalidRequestError, UnauthenticatedError
from service.access import key_check, keys
from service.access.key_check import KeyCheck
from service.access.key_rotation import rotate_key
from service.access.key_use import KeyUse
from service.access.keys import ApiKey, create_key, list_keys, revoke_key, verify_key
from tests.catalogs import open_store
from tests.service.conftest import Serve

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path, database: str) -> Iterator[Catalog]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def at(moment: datetime, monkeypatch: pytest.MonkeyPatch, module: ModuleType = keys) -> None:
    """Let keys be verified as if it were that moment."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return moment

    monkeypatch.setattr(module, "datetime", Clock)


def test_the_successor_has_scope_pools_name_and_lifetime_and_another_secret(store: Catalog) -> None:
    old = create_key(store, "write", "nightly", pools=["b", "a"], lifetime=90 * DAY)
    new = rotate_key(store, old.key.id, DAY)
    assert (new.key.scope, new.key.name, new.key.pools) == ("write", "nightly", frozenset("ab"))
    assert new.key.expires_at is not None
    assert new.key.expires_at - new.key.created_at == 90 * DAY
    assert new.secret.split("_")[2] != old.secret.split("_")[2]
    assert verify_key(store, new.secret) == new.key
    listed = {key.id: key for key in list_keys(store)}
    assert listed[old.key.id].successor == new.key.id
    assert new.key.successor is None


def test_the_old_key_works_until_the_overlap_is_over(store: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    old = create_key(store, "read")
    before = datetime.now(UTC)
    rotate_key(store, old.key.id, DAY)
    end = verify_key(store, old.secret).expires_at
    assert end is not None
    assert before + DAY <= end <= datetime.now(UTC) + DAY
    at(end - timedelta(microseconds=1), monkeypatch)
    verify_key(store, old.secret)
    at(end, monkeypatch)
    with pytest.raises(UnauthenticatedError, match="expired"):
        verify_key(store, old.secret)


def test_without_overlap_the_old_key_ends_at_once(store: Catalog) -> None:
    old = create_key(store, "read")
    new = rotate_key(store, old.key.id, timedelta(0))
    with pytest.raises(UnauthenticatedError):
        verify_key(store, old.secret)
    verify_key(store, new.secret)


def test_an_overlap_does_not_lengthen_a_life(store: Catalog) -> None:
    old = create_key(store, "read", lifetime=DAY)
    rotate_key(store, old.key.id, 30 * DAY, lifetime=7 * DAY)
    listed = {key.id: key for key in list_keys(store)}
    assert listed.pop(old.key.id).expires_at == old.key.expires_at
    (new,) = listed.values()
    assert new.expires_at is not None
    assert new.expires_at - new.created_at == 7 * DAY


@pytest.mark.parametrize("state", ["unknown", "revoked", "expired", "rotated"])
def test_a_key_that_ended_or_was_rotated_is_not_rotated(
    store: Catalog, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create_key(store, "read", lifetime=DAY).key
    if state == "revoked":
        revoke_key(store, key.id)
    elif state == "expired":
        rotate_key(store, key.id, timedelta(0))
    elif state == "rotated":
        rotate_key(store, key.id, DAY)
    count = len(list_keys(store))
    with pytest.raises(InvalidRequestError):
        rotate_key(store, "0" * 16 if state == "unknown" else key.id, DAY)
    assert len(list_keys(store)) == count


def test_of_two_that_rotate_at_once_one_makes_a_successor(tmp_path: Path, store: Catalog) -> None:
    key = create_key(store, "read").key
    together = threading.Barrier(4)

    def rotate(_: int) -> bool:
        mine = open_store(tmp_path)
        together.wait(20)
        try:
            rotate_key(mine, key.id, DAY)
        except InvalidRequestError:
            return False
        finally:
            mine.close()
        return True

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(rotate, range(4)))
    assert sum(done) == 1
    assert len(list_keys(store)) == 2


def test_a_running_server_takes_the_successor_and_drops_the_old_key(serve: Serve, tmp_path: Path) -> None:
    client = serve(auth="on")
    store = open_store(tmp_path / "data")
    old = create_key(store, "read")

    def status(key: str) -> int:
        return client.get("/v1/pools", headers={"authorization": f"Bearer {key}"}).status_code

    assert status(old.secret) == 200
    new = rotate_key(store, old.key.id, DAY)
    assert (status(old.secret), status(new.secret)) == (200, 200)
    newest = rotate_key(store, new.key.id, timedelta(0))
    assert (status(new.secret), status(newest.secret)) == (401, 200)
    revoke_key(store, old.key.id)  # in its overlap
    assert status(old.secret) == 401
    store.close()


def test_while_the_database_is_away_a_key_reads_no_longer_than_it_lives(
    store: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_key(store, "read", lifetime=DAY)
    check = KeyCheck(store, grace_seconds=3600)
    assert check.verify(made.secret, "read") == made.key

    def away(*_: object) -> ApiKey:
        raise CatalogUnavailableError("the database is away")

    monkeypatch.setattr(key_check, "verify_key", away)
    assert check.verify(made.secret, "read") == made.key
    assert made.key.expires_at is not None
    at(made.key.expires_at, monkeypatch, key_check)
    with pytest.raises(CatalogUnavailableError):
        check.verify(made.secret, "read")


def writes(store: Catalog) -> list[str]:
    """Statements that change keys, as they come."""
    seen: list[str] = []
    event.listen(
        store._engine,
        "before_cursor_execute",
        lambda _c, _k, statement, *_: seen.append(statement) if statement.startswith("UPDATE api_keys") else None,
    )
    return seen


def test_the_day_of_use_is_written_once_a_day(store: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create_key(store, "read")
    seen = writes(store)

    def use(times: int) -> ApiKey:
        noting = KeyUse(store)
        for _ in range(times):
            noting.note(verify_key(store, made.secret))
        noting.close()
        return verify_key(store, made.secret)

    assert made.key.last_used_on is None
    today = datetime.now(UTC).date()
    assert use(50).last_used_on == today
    assert use(50).last_used_on == today  # another process, as it were
    assert len(seen) == 1
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE api_keys SET last_used_on = '2020-02-29'")
    del seen[:]
    assert use(50).last_used_on == today
    assert len(seen) == 1


def test_a_request_does_not_wait_for_its_day_to_be_written(serve: Serve, tmp_path: Path) -> None:
    client = serve(auth="on")
    store = open_store(tmp_path / "data")
    made = create_key(store, "read")
    with store.writing():  # nobody else writes meanwhile
        headers = {"authorization": f"Bearer {made.secret}"}
        assert client.get("/v1/pools", headers=headers).status_code == 200
        assert list_keys(store)[0].last_used_on is None
    deadline = time.monotonic() + 20
    while list_keys(store)[0].last_used_on is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    store.close()
