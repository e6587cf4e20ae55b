"""Rebuild and import cover every live encoder version of an adapted pool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from index.pool import Pool
from index.proposers import choosing
from invariantselect.wire.jobs import ImportRequest, RebuildRequest
from service.cli.search_lines import search_lines
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.metrics import Metrics
from service.pool_info import pool_info
from service.services import Services, open_services
from service.settings import Settings
from tests.index.clock import Clock
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


@pytest.mark.parametrize("switched_over", [1, 2])
@pytest.mark.parametrize("keep_vectors", [False, True])
@pytest.mark.parametrize("discarded", [False, True])
def test_a_rebuild_follows_a_switch_on_the_way(
    services: Services,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    switched_over: int,
    keep_vectors: bool,
    discarded: bool,
) -> None:
    run(services, "import", ImportRequest(source="scans"))
    real, rebuilt = Pool.rebuild, []

    def rebuild(rebuilding: Pool, recode: Any, number: int, **options: Any) -> None:
        if number == switched_over:
            adapt(pool, 3)
            if discarded:
                pool.discard(2)
        real(rebuilding, recode, number, **options)
        rebuilt.append(number)

    monkeypatch.setattr(Pool, "rebuild", rebuild)
    run(services, "rebuild", RebuildRequest(keep_vectors=keep_vectors))
    assert rebuilt == [1, 3]
    check(pool)


def test_a_rebuild_for_a_recall_keeps_the_vectors_of_each_live_version(services: Services, pool: Pool) -> None:
    run(services, "import", ImportRequest(source="scans"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "SMALLEST", 20)
        patch.setattr("index.proposers.measuring.time", Clock(1, 1e-3))
        result = run(services, "rebuild", RebuildRequest(recall=0.5, keep_vectors=True))
    assert (result["images"], result["encoded"]) == (0, 0)
    check(pool)
    for version in pool_info(pool).encoder_versions:
        if version.state in ("frozen", "serving"):
            assert version.segments is not None
            (segment,) = version.segments
            assert segment.count == 40
            assert segment.kind in str(result["search"])
            if segment.kind != "flat":
                assert segment.recall[0].k == 10
                assert segment.recall[0].recall >= 0.5
                assert segment.queries == 40
            assert "recall 0.5 of 10" in segment.note
    (job,) = services.jobs.page(kind="rebuild")
    said = " ".join(str(event.text) for event in services.jobs.events(job.id, event="log"))
    assert "recall 0.5 of 10" in said


def test_a_pool_with_a_damaged_manifest_is_shown_without_its_segments(services: Services, pool: Pool) -> None:
    run(services, "import", ImportRequest(source="scans"))
    pool.seal()
    (pool._folder / "manifest.json").write_text("{")
    frozen, *_ = pool_info(pool).encoder_versions
    assert frozen.segments is None
    assert list(search_lines(frozen)) == ["version 1: its manifest can't be read; 'invariantselect doctor' says why"]
