"""Rebuild and import cover every live encoder version of an adapted pool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from index.pool import Pool
from invariantselect.wire.jobs import ImportRequest, RebuildRequest
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.metrics import Metrics
from service.services import Services, open_services
from service.settings import Settings
from tests.service.live_versions import ENCODERS, adapt, check, load
from tests.service.pictures import png


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    for number in range(40):
        path = tmp_path / "scans" / f"d{number % 3}" / "l" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    opened = open_services(Settings(data=tmp_path / "data", encoder="pixel", import_root=tmp_path), Metrics(), load)
    yield opened
    opened.close()


@pytest.fixture
def pool(services: Services) -> Pool:
    identity = ENCODERS["1"].identity
    pool = services.pools.create("p", "pixel", identity.fingerprint, identity.dim)
    adapt(pool, 2)
    return pool


def run(services: Services, kind: str, request: BaseModel) -> dict[str, object]:
    id = services.jobs.submit(kind, request, pool="p", announce=False).id
    runner = Runner(services, services.store, KINDS, worker="w", stopping=lambda: False, put_back=print)
    assert runner.run(id)
    job = services.jobs.get(id)
    assert job.state == "succeeded", job.error
    return dict(job.result or {})


@pytest.mark.parametrize("serving", [2, 3])
def test_an_import_makes_a_vector_of_each_live_version(services: Services, pool: Pool, serving: int) -> None:
    adapt(pool, serving)
    assert run(services, "import", ImportRequest(source="scans"))["created"] == 40
    check(pool)


@pytest.mark.parametrize("serving", [2, 3])
def test_a_rebuild_makes_the_vectors_of_each_live_version_anew(services: Services, pool: Pool, serving: int) -> None:
    run(services, "import", ImportRequest(source="scans"))
    adapt(pool, serving)
    pool.seal()
    files = [path for path in pool._folder.rglob("*.faiss") if str(path.parent.name) in (pool.key, str(serving))]
    assert len(files) == 2
    for file in files:
        file.unlink()
    result = run(services, "rebuild", RebuildRequest())
    assert (result["images"], result["encoded"]) == (40, 80)
    check(pool)
