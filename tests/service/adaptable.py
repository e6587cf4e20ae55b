"""A data directory with a pool whose real encoder can be adapted, its jobs done in this process, and what must hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import numpy as np
from sqlalchemy import update

from encoders.catalog import load_encoder
from encoders.decode import decode
from index.intake import take_in
from index.pool import Pool
from index.pools import Pools
from index.snapshot import Snapshot
from index.sources.opening import open_source
from invariantselect.wire.adaptation import AdaptationResult, AdaptRequest
from invariantselect.wire.jobs import Job
from service.jobs.clock import utc_now
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.jobs.worker import worker_name
from service.metrics import Metrics
from service.services import Services, open_services
from service.settings import Settings
from service.tables import jobs
from tests.service.shifted import draw_folder, save_tiny_encoder

__all__ = ["POOL", "Adaptable", "check_vectors", "grow", "make", "run_job", "settings_of", "vectors_of"]

POOL = "p"
_ATOL = 1e-5

Vectors = dict[str, np.ndarray]
"""By the id of their demonstration."""


def make(folder: Path, *, shifted: bool = True, encoder: Path | None = None, database_url: str | None = None) -> Path:
    """``folder/tiny``, an encoder, unless one is given, and ``folder/data`` with a pool of 36 images; the latter."""
    name = str(encoder.resolve()) if encoder else save_tiny_encoder(folder / "tiny")
    loaded = load_encoder(name, device="cpu", runtime="torch")
    identity = loaded.identity
    with Pools(folder / "data", database_url=database_url) as pools:
        pool = pools.create(POOL, identity.name, identity.fingerprint, identity.dim)
        report = take_in(pool, [loaded], open_source(draw_folder(folder / "images", shifted=shifted)))
        assert (report.created, report.failed) == (36, [])
    return folder / "data"


def settings_of(data: Path, template: Path, **more: Any) -> Settings:
    """Settings of a copy of a data directory that `make` made; the encoder stays where it is. Torch runs it: each trunk
    that is trained would take seconds to export."""
    encoder = str((template.parent / "tiny").resolve())
    return Settings(**{"data": data, "encoder": encoder, "device": "cpu", "runtime": "torch", "workers": 2, **more})


def run_job(services: Services, id: str) -> Job:
    """Do a job that is to be had, in this thread."""
    runner = Runner(
        services, services.store, KINDS, worker=worker_name(), stopping=lambda: False, put_back=services.queue.announce
    )
    assert runner.run(id)
    return services.jobs.get(id)


def vectors_of(snapshot: Snapshot) -> Vectors:
    """The vectors of the living demonstrations."""
    alive = np.flatnonzero(snapshot.alive)
    return dict(zip(snapshot.ids[alive].tolist(), snapshot.vectors(alive), strict=True))


def check_vectors(pool: Pool, data: Path) -> None:
    """By brute force: each live version has the vectors that its encoder makes of the images, of all and of no more."""
    together = pool.snapshots()
    versions = {version.number: version for version in pool.versions()}
    for snapshot in (together.frozen, together.adapted):
        if snapshot is None:
            continue
        encoder = load_encoder(
            versions[snapshot.number].encoder, store=data / "encoders", device="cpu", runtime="torch"
        )
        found = vectors_of(snapshot)
        assert len(found) == pool.summary().demonstrations
        stored = [each for each in pool.get(list(found)) if each is not None]
        assert len(stored) == len(found)
        images = [decode(pool.image(each.id).content) for each in stored]
        wanted = encoder.encode(images, [each.domain for each in stored])
        np.testing.assert_allclose(np.stack(list(found.values())), wanted, atol=_ATOL)


def grow(pool: Pool, folder: Path, services: Services, *, first: int) -> None:
    """Take nine more images in, one of each label and domain, as an upload would."""
    source = open_source(draw_folder(folder, each=1, first=first))
    report = take_in(pool, [each.encoder for each in services.pool_embedders(pool)], source)
    assert (report.created, report.failed) == (9, [])


class Adaptable:
    """A copy of the data directory, opened.

    Args:
        template: A data directory of `make`.
        folder: Where the copy goes.
        more: Settings.

    Attributes:
        data: The copy.
        services: Opened on it.
        pool: The pool.
    """

    def __init__(self, template: Path, folder: Path, **more: Any) -> None:
        self.data = folder / "data"
        rmtree(self.data, ignore_errors=True)
        copytree(template, self.data)
        self.services = open_services(settings_of(self.data, template, **more), Metrics())
        self.pool = self.services.pools.open(POOL)

    def submit(self, **request: Any) -> str:
        """Hand an adaptation in; the job's id. In closed form unless `request` says how."""
        asked = AdaptRequest(**{"depth": "closed_form", **request})
        return self.services.jobs.submit("adapt", asked, pool=POOL, announce=False).id

    def run(self, id: str) -> Job:
        """Do a job."""
        return run_job(self.services, id)

    def adapt(self, **request: Any) -> AdaptationResult:
        """Hand an adaptation in and do it; it must succeed."""
        return self.result(self.run(self.submit(**request)))

    def result(self, job: Job) -> AdaptationResult:
        """What came of a job that succeeded."""
        assert job.state == "succeeded", job.error
        return AdaptationResult.model_validate(job.result)

    def log(self, id: str) -> list[str]:
        """What a job said."""
        return [event.text or "" for event in self.services.jobs.events(id, event="log")]

    def versions(self) -> list[tuple[int, str]]:
        """Numbers and states of the pool's encoder versions."""
        return [(version.number, version.state) for version in self.pool.versions()]

    def stored(self) -> set[int]:
        """Numbers of the encoders that the store has for the pool."""
        return _numbers((self.data / "encoders" / self.pool.key).glob("*"))

    def spaces(self) -> set[int]:
        """Numbers of the adapted versions that the pool has files of."""
        return _numbers((self.data / "pools" / self.pool.key / "versions").glob("*"))

    def checkpoints(self, id: str) -> set[str]:
        """Names in the folder of a job; none once it is gone."""
        return {path.name for path in (self.data / "jobs" / id).glob("*")}

    def forget_worker(self) -> None:
        """Let no worker have given a sign of life for an hour."""
        with self.services.store.writing() as connection:
            connection.execute(update(jobs).values(heartbeat_at=utc_now() - timedelta(hours=1)))

    def check_untouched(self) -> None:
        """Nothing of any adaptation is left: no version, no encoder, no vectors; those of the frozen one are right."""
        assert (self.versions(), self.stored(), self.spaces()) == ([(1, "frozen")], set(), set())
        check_vectors(self.pool, self.data)

    def check_serving(self, number: int) -> None:
        """One adapted version serves and is all that is stored, and every vector is right."""
        assert self.versions() == [(1, "frozen"), (number, "serving")]
        assert (self.stored(), self.spaces()) == ({number}, {number})
        check_vectors(self.pool, self.data)

    def close(self) -> None:
        """Close what was opened."""
        self.services.close()


def _numbers(paths: Iterable[Path]) -> set[int]:
    return {int(path.name) for path in paths}
