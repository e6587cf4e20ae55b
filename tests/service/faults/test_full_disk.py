"""A disk that is full, and parts of it that can't be written: clear errors, queries go on, nothing is damaged."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from index.inspection import inspect
from invariantselect.errors import CatalogUnavailableError
from service.store import open_store
from tests.service.adaptable import POOL, Adaptable
from tests.service.conftest import Serve, fill
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri

Ballast = Callable[[], None]


def _mount(*options: str) -> None:
    tried = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"mounting isn't permitted here: {tried.stderr.strip()}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes, where the data directory is."""
    disk = tmp_path / "data"
    disk.mkdir()
    _mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte is left until the end."""
    ballast = disk / "ballast"
    try:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield
    finally:
        ballast.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """As on a disk that the kernel has remounted after an error."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def upsert(client: TestClient, *numbers: int, label: str = "l9") -> httpx2.Response:
    sent = [{"id": f"new/{number}", "image": data_uri(number), "label": label} for number in numbers]
    return client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": sent})


def chosen(client: TestClient) -> list[str]:
    answer = client.post("/v1/pools/p/select", json={"query": {"image": data_uri(3)}, "k": 5})
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["demonstrations"]]


def serious(data: Path) -> list[str]:
    return [finding.detail for finding in inspect(data) if not finding.harmless]


WRITES: dict[str, Callable[[TestClient], Any]] = {
    "upsert": lambda client: upsert(client, *range(100, 140)),
    "relabel": lambda client: client.post(
        "/v1/pools/p/demonstrations:relabel",
        json={"labels": {f"d{number % 3}/l{number % 4}/{number}.png": "z" * 200 for number in range(24)}},
    ),
    "delete": lambda client: client.post(
        "/v1/pools/p/demonstrations:delete",
        json={"ids": [f"d{number % 3}/l{number % 4}/{number}.png" for number in range(0, 24, 2)]},
    ),
    "create a pool": lambda client: client.post("/v1/pools", json={"name": "another"}),
    "hand in a job": lambda client: client.post("/v1/pools/p/rebuild"),
    "drop": lambda client: client.delete("/v1/pools/p"),
}


def test_a_full_disk_refuses_writes_and_answers_queries_and_recovers(small: Path, serve: Serve) -> None:
    client = fill(serve())
    before = chosen(client)
    info = client.get("/v1/pools/p").json()
    with full(small):
        for name, write in WRITES.items():
            answer = write(client)
            assert answer.status_code == 503, (name, answer.text)
            check_problem(answer, 503, "catalog_unavailable")
            assert chosen(client) == before, name
            assert client.get("/v1/pools/p").json() == info
            assert client.get("/livez").status_code == 200
            assert client.post("/v1/embeddings", json={"model": "pixel-16-0", "input": data_uri(7)}).status_code == 200
    assert serious(small) == []
    assert [each["status"] for each in upsert(client, 100, 101).json()["outcomes"]] == ["created", "created"]
    client.app.state.services.pools.open("p").seal()  # type: ignore[attr-defined]
    assert serious(small) == []
    assert client.get("/v1/pools/p").json()["demonstrations"] == 26


def test_a_write_that_was_stored_is_acknowledged_though_it_can_t_be_sealed(
    small: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index import segments

    client = fill(serve())
    pool = client.app.state.services.pools.open("p")  # type: ignore[attr-defined]
    monkeypatch.setattr(pool, "_seal_at", 1)

    def refuse(*_: object) -> None:
        raise RuntimeError("Error in fwrite: No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(segments.faiss, "write_index", refuse)
        answer = upsert(client, 100)
    assert answer.status_code == 200
    assert answer.json()["outcomes"][0]["status"] == "created"
    assert upsert(client, 101).status_code == 200
    assert list((small / "pools").rglob("*.faiss"))
    assert serious(small) == []


@pytest.mark.parametrize("part", ["blobs", "pools"])
def test_a_part_of_the_disk_that_can_t_be_written_is_told_and_queries_go_on(
    tmp_path: Path, serve: Serve, part: str
) -> None:
    client = fill(serve())
    pool = client.app.state.services.pools.open("p")  # type: ignore[attr-defined]
    before = chosen(client)
    with read_only(tmp_path / "data" / part):
        if part == "blobs":
            check_problem(upsert(client, 100), 503, "catalog_unavailable")
        else:
            with pytest.raises(CatalogUnavailableError, match="Read-only"):
                pool.seal()
            check_problem(client.post("/v1/pools", json={"name": "another"}), 503, "catalog_unavailable")
        assert chosen(client) == before
    assert upsert(client, 100).status_code == 200
    assert client.post("/v1/pools", json={"name": "a-third"}).status_code == 201
    pool.seal()
    assert serious(tmp_path / "data") == []


def test_a_data_directory_that_can_t_be_written_is_told_at_once(tmp_path: Path) -> None:
    with read_only(tmp_path / "data"), pytest.raises(CatalogUnavailableError):
        open_store(tmp_path / "data")


@pytest.mark.parametrize("kind", ["adapt", "rebuild"])
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_job_fails_for_a_stated_reason_and_is_done_when_it_is_retried(
    adaptable_data: Path, tmp_path: Path, short_trainings: None, kind: str, trouble: str
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    adaptable = Adaptable(adaptable_data, place)
    data = adaptable.data
    folder = data / "jobs" if kind == "rebuild" else data / "encoders"
    folder.mkdir(exist_ok=True)
    try:
        id = (
            adaptable.submit(force=True)
            if kind == "adapt"
            else adaptable.services.jobs.submit("rebuild", _nothing(), pool=POOL, announce=False).id
        )
        with _tiny(folder) if trouble == "full" else read_only(folder):
            failed = adaptable.run(id)
            assert failed.state == "failed"
            assert failed.error is not None
            assert failed.error["code"] == "catalog_unavailable"
        assert serious(data) == []
        adaptable.services.jobs.retry(id)
        assert adaptable.run(id).state == "succeeded"
        if kind == "adapt":
            adaptable.check_serving(2)
        assert serious(data) == []
    finally:
        adaptable.close()


@contextmanager
def _tiny(folder: Path) -> Iterator[None]:
    """A folder on a disk of its own on which nothing fits but names."""
    _mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder))
    try:
        (folder / "ballast").write_bytes(bytes(os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _nothing() -> Any:
    from invariantselect.wire.jobs import RebuildRequest

    return RebuildRequest()
