"""The job `evaluate`, with a real encoder: its report, what it keeps for the next attempt, and dropped pools."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from evaluation.answers.journal import Journal
from index.pool import Pool
from invariantselect.errors import ImageNotFoundError, LearnerDisabledError
from invariantselect.wire.evaluation import EvaluateRequest, EvaluationResult
from invariantselect.wire.jobs import Job
from service.evaluation import evaluating as evaluating_pools
from service.jobs import evaluating
from service.jobs.context import JobContext
from tests.service.adaptable import POOL, Adaptable, grow
from tests.service.jobs.phases import at, cancel

FILES = {"report.html", "report.json", "answers.csv"}
ASKED: dict[str, Any] = {"learners": ["vote", "lmm"], "lmm": {"model": "some/model"}}


def submit(adaptable: Adaptable, **request: Any) -> str:
    asked = EvaluateRequest(**{"shots": [0, 3], "targets": ["noon"], **request})
    return adaptable.services.jobs.submit("evaluate", asked, pool=POOL, announce=False).id


def allow(adaptable: Adaptable, **where: str | int) -> None:
    """Let jobs ask the model, as its operator would."""
    settings = adaptable.services.settings.model_copy(update={"lmm_models": ("some/model",), **where})
    object.__setattr__(adaptable.services, "settings", settings)


def result_of(job: Job) -> EvaluationResult:
    assert job.state == "succeeded", job.error
    return EvaluationResult.model_validate(job.result)


def test_the_report_outlives_the_job_and_goes_with_its_pool(adaptable: Adaptable) -> None:
    id = submit(adaptable)
    result = result_of(adaptable.run(id))
    assert [(row.strategy, row.shots, row.queries) for row in result.rows] == [
        ("none", 0, 12),
        *((name, 3, 12) for name in ("random", "topk_nearest", "invariant_select")),
    ]
    assert result.snapshot == adaptable.pool.version()
    assert adaptable.checkpoints(id) == set()
    folder = evaluating.report_folder(adaptable.data, id)
    assert folder is not None
    assert {path.name for path in folder.iterdir()} == FILES == set(result.files)
    adaptable.check_untouched()  # evaluating adapts for itself alone
    adaptable.services.pools.drop(POOL)
    assert evaluating.report_folder(adaptable.data, id) is None
    assert not list((adaptable.data / "reports").iterdir())


def test_cancelled_and_retried_it_goes_on_with_the_same_demonstrations(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    id = submit(adaptable)
    appended = _counting(monkeypatch)

    def stop(context: JobContext) -> None:
        if len(appended) >= 10:
            cancel(context)

    told = _each_time(monkeypatch, "answering", stop)
    assert adaptable.run(id).state == "cancelled"
    assert told
    assert "work" in adaptable.checkpoints(id)
    done = len(appended)
    assert 10 <= done < 48
    version = adaptable.pool.version()
    grow(adaptable.pool, tmp_path_factory.mktemp("more"), adaptable.services, first=20)
    adaptable.services.jobs.retry(id)
    monkeypatch.setattr(JobContext, "progress", _real)
    result = result_of(adaptable.run(id))
    assert result.snapshot == version
    assert len(appended) == 48
    assert result.folds[0].queries == 12


_real = JobContext.progress


def _counting(patch: pytest.MonkeyPatch) -> list[object]:
    appended: list[object] = []
    real = Journal.append

    def counted(journal: Journal, answered: Any) -> None:
        real(journal, answered)
        appended.append(answered.key)

    patch.setattr(Journal, "append", counted)
    return appended


def _each_time(patch: pytest.MonkeyPatch, phase: str, does: Callable[[JobContext], object]) -> list[str]:
    told: list[str] = []

    def progress(context: JobContext, now: str, *args: Any, **figures: Any) -> None:
        _real(context, now, *args, **figures)
        if now == phase:
            told.append(now)
            does(context)

    patch.setattr(JobContext, "progress", progress)
    return told


def test_demonstrations_that_change_meanwhile_are_evaluated_anew(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = submit(adaptable)
    told = at(monkeypatch, "answering", cancel)
    assert adaptable.run(id).state == "cancelled"
    assert told
    adaptable.pool.delete(["noon/red/0.png"])
    adaptable.services.jobs.retry(id)
    result = result_of(adaptable.run(id))
    assert result.folds[0].queries == 11
    assert "demonstrations were deleted or changed since the last attempt: it begins anew" in adaptable.log(id)


def test_an_image_that_is_deleted_on_the_way_makes_it_begin_anew(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = submit(adaptable)
    at(monkeypatch, "looking for copies", lambda _: adaptable.pool.delete(["dusk/red/0.png"]))
    result = result_of(adaptable.run(id))
    assert result.folds[0].demonstrations == 23


def test_an_image_that_is_lost_is_damage(adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_pool: Pool, sha256: str) -> bytes:
        raise ImageNotFoundError(f"the image {sha256} is lost")

    monkeypatch.setattr(Pool, "content", lost)
    job = adaptable.run(submit(adaptable))
    assert (job.state, (job.error or {})["code"]) == ("failed", "store_corrupt")


def test_a_pool_that_is_dropped_on_the_way_leaves_no_report(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, "writing the report", lambda context: context.services.pools.drop(POOL))
    id = submit(adaptable)
    job = adaptable.run(id)
    assert (job.state, (job.error or {})["code"]) == ("failed", "pool_not_found")
    assert evaluating.report_folder(adaptable.data, id) is None


def test_what_can_not_be_divided_fails_with_what_to_do(adaptable: Adaptable) -> None:
    job = adaptable.run(submit(adaptable, targets=["moon"]))
    assert (job.state, (job.error or {})["code"]) == ("failed", "pool_not_divisible")


def test_a_model_is_asked_only_where_the_operator_allows_it(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = adaptable.run(submit(adaptable, **ASKED))
    assert (job.state, (job.error or {})["code"]) == ("failed", LearnerDisabledError.code)
    allow(adaptable, lmm_base_url="http://127.0.0.1:9/v1", lmm_key_variable="THE_OPERATORS_KEY", lmm_most_tokens=900)
    given = []

    def evaluated(*_: object, lmm: object, **__: object) -> EvaluationResult:
        given.append(lmm)
        return EvaluationResult(protocol="k-fold", snapshot=1, rows=[], folds=[], notes=[], files=[])

    monkeypatch.setattr(evaluating_pools, "evaluate_pool", evaluated)
    assert adaptable.run(submit(adaptable, **ASKED)).state == "succeeded"
    [options] = given
    assert (options.model, options.base_url, options.key_variable, options.most_requests, options.most_tokens) == (
        "some/model",
        "http://127.0.0.1:9/v1",
        "THE_OPERATORS_KEY",
        10_000,
        900,
    )


def test_where_the_model_is_asked_is_no_readers_business(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.delenv("THE_OPERATORS_KEY", raising=False)
    allow(adaptable, lmm_base_url="https://lmm.internal/v1", lmm_key_variable="THE_OPERATORS_KEY")
    id = submit(adaptable, **ASKED)
    job = adaptable.run(id)
    assert (job.state, (job.error or {})["code"]) == ("failed", "learner_key_refused")
    told = [job.model_dump_json(), *(each.model_dump_json() for each in adaptable.services.jobs.events(id))]
    assert not [text for text in told if "lmm.internal" in text or "THE_OPERATORS_KEY" in text]
    assert "https://lmm.internal/v1" in caplog.text
