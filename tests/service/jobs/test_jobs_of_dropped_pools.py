"""A job is about the pool that had its name when it was handed in: another that gets the name is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from pydantic import BaseModel

from index import publishing
from index.inspection import inspect
from index.pool import Pool
from invariantselect.errors import IdempotencyKeyReusedError, StoreCorruptError
from invariantselect.wire.jobs import ImportRequest, Job, RebuildRequest
from service.jobs import rows
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.metrics import Metrics
from service.services import Services, open_services
from service.settings import Settings
from tests.service.live_versions import ENCODERS, check, load
from tests.service.pictures import png

SMALL = 40


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    for name, first in (("one", 0), ("two", 1000)):
        for number in range(first, first + SMALL):
            path = tmp_path / name / "d" / "l" / f"{number - first}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(number))
    opened = open_services(Settings(data=tmp_path / "data", encoder="pixel", import_root=tmp_path), Metrics(), load)
    yield opened
    opened.close()


def make(services: Services) -> Pool:
    identity = ENCODERS["1"].identity
    return services.pools.create("p", "pixel", identity.fingerprint, identity.dim)


def submit(services: Services, kind: str, request: BaseModel, **options: Any) -> str:
    return services.jobs.submit(kind, request, pool="p", announce=False, **options).id


def run(services: Services, id: str) -> Job:
    runner = Runner(services, services.store, KINDS, worker="w", stopping=lambda: False, put_back=print)
    assert runner.run(id)
    return services.jobs.get(id)


def refused(job: Job) -> bool:
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "pool_not_found"
    assert "another has its name" in job.error["detail"]
    return True


def test_a_retried_rebuild_gives_a_new_pool_no_vector_of_the_old_one(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(services)
    assert run(services, submit(services, "import", ImportRequest(source="one"))).state == "succeeded"
    rebuild = submit(services, "rebuild", RebuildRequest())
    with monkeypatch.context() as patch:  # it encodes all, and fails
        patch.setattr(publishing, "write_manifest", Mock(side_effect=StoreCorruptError("lost")))
        assert run(services, rebuild).state == "failed"
    services.pools.drop("p")
    pool = make(services)
    assert run(services, submit(services, "import", ImportRequest(source="two"))).state == "succeeded"
    services.jobs.retry(rebuild)
    assert refused(run(services, rebuild))
    check(pool)
    assert inspect(tmp_path / "data") == []


@pytest.mark.parametrize(("kind", "request_"), [("import", ImportRequest(source="one")), ("rebuild", RebuildRequest())])
@pytest.mark.parametrize("again", [False, True])
def test_a_job_of_a_dropped_pool_fails(services: Services, kind: str, request_: BaseModel, again: bool) -> None:
    make(services)
    id = submit(services, kind, request_)
    services.pools.drop("p")
    if again:
        make(services)
        assert refused(run(services, id))
        assert services.pools.open("p").summary().demonstrations == 0
    else:
        job = run(services, id)
        assert (job.state, (job.error or {}).get("code")) == ("failed", "pool_not_found")
        assert services.pools.list() == []


def test_an_import_is_of_the_pool_that_it_made(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.encoders, "get", lambda _: ENCODERS["1"])
    id = submit(services, "import", ImportRequest(source="one"))
    assert run(services, id).state == "succeeded"
    services.pools.drop("p")
    make(services)
    with services.store.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'failed'")
    services.jobs.retry(id)
    assert refused(run(services, id))


def test_an_idempotency_key_of_a_dropped_pool_answers_no_job_of_another(services: Services) -> None:
    make(services)
    id = submit(services, "rebuild", RebuildRequest(), idempotency_key="nightly")
    assert submit(services, "rebuild", RebuildRequest(), idempotency_key="nightly") == id
    services.pools.drop("p")
    make(services)
    with pytest.raises(IdempotencyKeyReusedError, match="dropped"):
        submit(services, "rebuild", RebuildRequest(), idempotency_key="nightly")


def test_a_job_of_an_older_version_is_not_taken_for_one_of_a_pool_that_came_later(services: Services) -> None:
    make(services)
    id = submit(services, "rebuild", RebuildRequest())
    with services.store.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET pool_key = NULL")
    services.pools.drop("p")
    make(services)
    assert refused(run(services, id))


def test_keys_of_jobs_of_an_older_version_are_found_where_the_pool_is_as_old(tmp_path: Path) -> None:
    data = tmp_path / "older"
    with closing(open_services(Settings(data=data, encoder="pixel"), Metrics(), load)) as services:
        kept = make(services)
        identity = ENCODERS["1"].identity
        ids = {name: services.jobs.submit("rebuild", RebuildRequest(), pool=name).id for name in ("p", "later")}
        services.pools.create("later", "pixel", identity.fingerprint, identity.dim)
    catalog = sqlite3.connect(data / "catalog.sqlite3")
    with closing(catalog), catalog:
        catalog.execute("ALTER TABLE jobs DROP COLUMN pool_key")
        catalog.execute("UPDATE service_version SET version_num = '0005'")
    opened = closing(open_services(Settings(data=data, encoder="pixel"), Metrics(), load))
    with opened as services, services.store.reading() as connection:
        keys = {name: rows.find(connection, id)["pool_key"] for name, id in ids.items()}
    assert keys == {"p": kept.key, "later": None}


def test_a_drop_cancels_no_job_of_a_pool_that_has_got_the_name(services: Services) -> None:
    old = make(services)
    mine = submit(services, "rebuild", RebuildRequest())
    services.pools.drop("p")
    make(services)
    other = submit(services, "rebuild", RebuildRequest())
    services.jobs.cancel_all_of("p", old.key)
    assert (services.jobs.get(mine).state, services.jobs.get(other).state) == ("cancelled", "queued")
