"""A data directory of before encoder versions is opened, loses nothing, and can then be adapted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from sqlalchemy import create_engine, event, text

from index.blobs.opening import open_blobs
from index.catalog.engine import configuration
from index.inspection import inspect
from index.manifest import Manifest, write_manifest
from index.pools import Pools
from index.segments import write_segment
from tests.index.entries import DIM, FINGERPRINT, SECOND, add_version, entry, make_pool, recode_second, vector_of_image
from tests.index.model import Model

KEY = "0123456789abcdef" * 2
SEALED, TAIL = ["a", "b", "c"], ["d", "e"]
TABLES = ("pools", "demonstrations", "tail_vectors")
THEN = "2026-01-02 03:04:05.000006"


def model() -> Model:
    return Model({id: entry(id, domain="x") for id in [*SEALED, *TAIL]})


@pytest.fixture
def data(tmp_path) -> Path:
    """What revision 0001 wrote: rows 0 to 2 sealed, 3 dead, 4 and 5 in the tail, and a pool that is empty."""
    engine = create_engine(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    blobs = open_blobs(tmp_path)
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0001")
        pool = "INSERT INTO pools VALUES (:key, :name, 'fake', :fingerprint, :dim, :version, :next_row, :then)"
        words = {"fingerprint": FINGERPRINT, "dim": DIM, "then": THEN}
        connection.execute(text(pool), {**words, "key": KEY, "name": "pool", "version": 4, "next_row": 6})
        connection.execute(text(pool), {**words, "key": "e" * 32, "name": "empty", "version": 1, "next_row": 0})
        for row, id in zip([0, 1, 2, 4, 5], [*SEALED, *TAIL], strict=True):
            sha256 = blobs.put(entry(id).image)
            demonstration = [KEY, id, row, sha256, "cat", "x", None, json.dumps({}), "image/png", 8, 6, 2, THEN, THEN]
            marks = ", ".join("?" * len(demonstration))
            connection.exec_driver_sql(f"INSERT INTO demonstrations VALUES ({marks})", tuple(demonstration))
            if id in TAIL:
                vector = vector_of_image(entry(id).image).astype("<f4").tobytes()
                connection.exec_driver_sql("INSERT INTO tail_vectors VALUES (?, ?, ?)", (KEY, row, vector))
        connection.exec_driver_sql("INSERT INTO tombstones VALUES (?, 3, 4)", (KEY,))
    engine.dispose()
    folder = tmp_path / "pools" / KEY
    folder.mkdir(parents=True)
    vectors = np.stack([vector_of_image(entry(id).image) for id in SEALED])
    segment = write_segment(folder, [(np.arange(3), vectors)], DIM)
    manifest = Manifest(FINGERPRINT, DIM, generation=1, segments=(segment,), sealed_through=2, version=2)
    write_manifest(folder, manifest)
    return tmp_path


def test_pools_of_before_encoder_versions_are_whole_and_can_be_adapted(data):
    with Pools(data) as pools:
        pool = pools.open("pool")
        (first,) = pool.versions()
        assert (first.number, first.encoder, first.fingerprint, first.dim) == (1, "fake", FINGERPRINT, DIM)
        assert (first.state, first.looks_at_domains, dict(first.lineage)) == ("frozen", False, {})
        assert first.created_at == pool.created_at
        assert pool.created_at.isoformat(sep=" ") == THEN + "+00:00"
        assert pool.snapshot().version == 4
        model().check_all(pool)
        assert hashlib.sha256(entry("d").image).hexdigest() == pool.image("d").sha256
        assert [each.number for each in pools.open("empty").versions()] == [1]
    assert inspect(data) == []
    with Pools(data) as pools:
        pool = pools.open("pool")
        pool.switch(add_version(pool, SECOND), recode_second)
        model().check_all(pool)
        pool.write([entry("f")])
        pool.seal()
        Model({**model().entries, "f": entry("f")}).check_all(pool)
    assert inspect(data) == []


def test_going_back_to_0001_keeps_version_1(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry(id, domain="x") for id in SEALED])
    pool.seal()
    pool.switch(add_version(pool, SECOND), recode_second)
    pool.write([entry(id, domain="x") for id in TAIL])
    pool._catalog.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0001")
        counts = [connection.exec_driver_sql(f"SELECT count(*) FROM {each}").scalar_one() for each in TABLES]
        assert counts == [1, 5, 2]
    engine.dispose()
    with Pools(tmp_path) as pools:  # migrated again
        model().check_all(pools.open("pool"))
        assert [each.number for each in pools.open("pool").versions()] == [1]
