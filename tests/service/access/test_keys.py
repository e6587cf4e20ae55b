from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError, InvalidRequestError, UnauthenticatedError
from service.access import keys
from service.access.keys import create_key, list_keys, revoke_key, verify_key
from service.tables import metadata
from tests.catalogs import Pools, open_store

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def test_a_key_is_known_by_its_secret_and_stored_only_as_a_hash(store: Catalog, tmp_path: Path) -> None:
    made = create_key(store, "write", "nightly")
    assert verify_key(store, made.secret) == made.key
    _, id, secret = made.secret.split("_", 2)
    assert id == made.key.id
    with store.reading() as connection:
        row = connection.exec_driver_sql("SELECT id, secret_sha256 FROM api_keys").one()
    assert row == (id, hashlib.sha256(secret.encode()).hexdigest())
    assert not any(secret.encode() in file.read_bytes() for file in tmp_path.glob("catalog*"))


def test_secrets_are_long_and_never_the_same(store: Catalog) -> None:
    secrets = {create_key(store, "read").secret for _ in range(20)}
    assert len(secrets) == 20
    assert all(len(secret.split("_", 2)[2]) == 43 for secret in secrets)


@pytest.mark.parametrize(
    "presented", ["", "isk_", "isk_0_1", "Bearer x", "isk_" + "0" * 16 + "_" + "a" * 43, "é", "\ud800"]
)
def test_what_is_no_key_is_refused(store: Catalog, presented: str) -> None:
    create_key(store, "read")
    with pytest.raises(UnauthenticatedError):
        verify_key(store, presented)


def test_the_id_of_one_key_does_not_go_with_the_secret_of_another(store: Catalog) -> None:
    one, other = create_key(store, "read"), create_key(store, "admin")
    with pytest.raises(UnauthenticatedError):
        verify_key(store, f"isk_{other.key.id}_{one.secret.split('_', 2)[2]}")


def test_an_unknown_key_costs_the_same_steps_as_a_known_one(store: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    known = create_key(store, "read").secret
    compared: list[tuple[int, int]] = []
    compare = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or compare(a, b))
    verify_key(store, known)
    for stranger in (known[:-1] + "~", "isk_" + "0" * 16 + known[20:], "nonsense"):
        with pytest.raises(UnauthenticatedError):
            verify_key(store, stranger)
    assert compared == [(64, 64)] * 4


def test_a_revoked_key_is_refused_at_once_and_stays_listed(store: Catalog) -> None:
    made = create_key(store, "admin", "old")
    assert revoke_key(store, made.key.id)
    with pytest.raises(UnauthenticatedError):
        verify_key(store, made.secret)
    assert not revoke_key(store, made.key.id)
    assert not revoke_key(store, "unknown")
    (listed,) = list_keys(store)
    assert (listed.name, listed.scope) == ("old", "admin")
    assert listed.revoked_at is not None


def test_a_key_ends_with_its_life_to_the_microsecond(store: Catalog) -> None:
    key = create_key(store, "read", lifetime=timedelta(days=90)).key
    assert key.expires_at == key.created_at + timedelta(days=90)
    assert key.works(key.expires_at - timedelta(microseconds=1))
    assert not key.works(key.expires_at)
    assert create_key(store, "read").key.works(datetime.max.replace(tzinfo=UTC))
    assert list_keys(store)[0] == key


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(days=10**7), timedelta.max])
def test_a_life_that_is_none_is_refused(store: Catalog, lifetime: timedelta) -> None:
    with pytest.raises(InvalidRequestError, match="so short or so long"):
        create_key(store, "read", lifetime=lifetime)
    assert list_keys(store) == []


def test_pools_are_kept_as_given(store: Catalog) -> None:
    made = create_key(store, "read", pools=["b", "a", "b"])
    assert made.key.pools == frozenset("ab")
    assert verify_key(store, made.secret) == made.key
    assert create_key(store, "read", pools=[]).key.pools is None


@pytest.mark.parametrize("pool", ["", "a/b", "*", "x" * 65, "ä", "a\n"])
def test_a_key_for_what_can_be_no_pool_is_not_made(store: Catalog, pool: str) -> None:
    with pytest.raises(InvalidRequestError, match="no pool can have the name"):
        create_key(store, "read", pools=["a", pool])
    assert list_keys(store) == []


def test_keys_of_before_limits_work_on_and_going_back_leaves_no_limited_key_unlimited(
    store: Catalog, tmp_path: Path
) -> None:
    plain, limited, short = (
        create_key(store, "read", pools=pools, lifetime=lifetime)
        for pools, lifetime in (([], None), (["a"], None), ([], timedelta(days=1)))
    )
    config = Config()
    config.set_main_option("script_location", str(Path(keys.__file__).parents[1] / "migrations"))
    config.set_main_option("path_separator", "os")
    with store.migrating() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    again = open_store(tmp_path)  # a data directory of that version, opened by this one
    assert verify_key(again, plain.secret) == plain.key
    for gone in (limited, short):
        with pytest.raises(UnauthenticatedError):
            verify_key(again, gone.secret)
    again.close()


@pytest.mark.parametrize(("scope", "name"), [("root", ""), ("read", "x" * 257), ("read", "two\nlines")])
def test_a_key_with_an_unknown_scope_or_an_odd_name_is_not_made(store: Catalog, scope: str, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        create_key(store, scope, name)  # type: ignore[arg-type]
    assert list_keys(store) == []


def test_keys_live_beside_the_pools_with_migrations_of_their_own(store: Catalog, tmp_path: Path) -> None:
    with Pools(tmp_path) as pools:
        pools.create("p", "e", "f" * 64, 4)
    again = open_store(tmp_path)
    with again.reading() as connection:
        seen = inspect(connection)
        assert {"service_version", "pools", "index_version"} <= set(seen.get_table_names())
        made = {
            name: {column["name"]: column["nullable"] for column in seen.get_columns(name)} for name in metadata.tables
        }
        indexes = [index for name in metadata.tables for index in seen.get_indexes(name)]
        indexed = {index["name"] for index in indexes if "duplicates_constraint" not in index}
    again.close()
    described = {name: {c.name: c.nullable for c in table.columns} for name, table in metadata.tables.items()}
    assert made == described
    assert indexed == {index.name for table in metadata.tables.values() for index in table.indexes}


def test_a_store_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE service_version SET version_num = '9999'")
    store.close()
    with pytest.raises(CatalogUnavailableError, match="another version"):
        open_store(tmp_path)


def test_a_data_directory_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogUnavailableError, match="can't be used"):
        open_store(tmp_path / "file" / "data")
