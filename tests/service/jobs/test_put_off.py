"""A job whose catalog or images go away: a server comes back, so the job waits for it; a full disk stays full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from invariantselect.errors import CatalogUnavailableError
from invariantselect.wire.jobs import Job
from service.jobs.context import JobContext
from service.jobs.kind import JobKind
from service.jobs.running import Runner
from service.metrics import Metrics
from service.services import Services, open_services
from service.settings import Settings
from tests import catalogs
from tests.postgres import needs_postgres


class Nothing(BaseModel):
    """No request."""


@pytest.fixture
def services(tmp_path: Path, database: str) -> Iterator[Services]:
    data = tmp_path / "data"
    opened = open_services(Settings(data=data, database_url=catalogs.database_url(data)), Metrics())
    yield opened
    opened.close()


class Attempts:
    """Runs a job that is a function of its context, again and again, as it is put back."""

    def __init__(self, services: Services, does: Any) -> None:
        self.services = services
        kinds = {"k": JobKind("k", Nothing, lambda context, _: does(context))}
        self.put_back: list[str] = []
        self.runner = Runner(
            services, services.store, kinds, worker="w", stopping=lambda: False, put_back=self.put_back.append
        )
        self.id = services.jobs.submit("k", Nothing(), announce=False).id

    def until_ended(self) -> Job:
        assert self.runner.run(self.id)
        while self.put_back:
            assert self.put_back == [self.id]
            assert self.services.jobs.get(self.id).state == "queued"
            self.put_back.clear()
            assert self.runner.run(self.id)
        return self.services.jobs.get(self.id)


def away(_context: JobContext) -> dict[str, Any]:
    raise CatalogUnavailableError("the catalog doesn't answer: OperationalError")


@needs_postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_job_goes_on_when_the_catalog_is_back(services: Services) -> None:
    def once(context: JobContext) -> dict[str, Any]:
        if context.attempt == 1:
            (context.folder / "kept").touch()
            services.store._outage.begin("it was killed")  # so putting it off has to wait, too
            away(context)
        return {"kept": (context.folder / "kept").exists()}

    job = Attempts(services, once).until_ended()
    assert (job.state, job.attempt, job.result) == ("succeeded", 2, {"kept": True})


@needs_postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_job_that_never_has_a_catalog_fails_in_the_end_and_says_why(services: Services) -> None:
    job = Attempts(services, away).until_ended()
    assert (job.state, job.attempt) == ("failed", 4)
    assert job.error is not None
    assert job.error["code"] == "catalog_unavailable"


def test_a_job_goes_on_when_the_images_are_back(tmp_path: Path, s3_folder: str) -> None:
    def once(context: JobContext) -> dict[str, Any]:
        return away(context) if context.attempt == 1 else {}

    with closing(open_services(Settings(data=tmp_path / "data", images_url=s3_folder), Metrics())) as services:
        job = Attempts(services, once).until_ended()
    assert (job.state, job.attempt) == ("succeeded", 2)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_wrong_with_a_file_is_told_at_once(services: Services) -> None:
    job = Attempts(services, away).until_ended()
    assert (job.state, job.attempt) == ("failed", 1)
