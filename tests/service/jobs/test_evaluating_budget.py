"""A job has its model's budget once, whatever becomes of its workers; a retry has it anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from invariantselect.wire.evaluation import EvaluateRequest
from service.jobs.context import JobContext
from tests.client.scripted_server import ScriptedServer, serving
from tests.evaluation.learners.lmm.endpoints import completion
from tests.service.adaptable import POOL, Adaptable

QUESTIONS = 24
"""Those of twelve queries, without demonstrations and with two."""


class Killed(BaseException):
    """What nothing in a worker catches."""


@pytest.fixture
def endpoint() -> Iterator[ScriptedServer]:
    with serving() as server:
        server.respond = lambda _: completion("red")
        yield server


def submit(adaptable: Adaptable, endpoint: ScriptedServer, **lmm: Any) -> str:
    """Hand in an evaluation by a model that the operator allows."""
    more = {"lmm_models": ("some/model",), "lmm_base_url": f"{endpoint.url}/v1", "lmm_key_variable": "NO_SUCH_KEY"}
    object.__setattr__(adaptable.services, "settings", adaptable.services.settings.model_copy(update=more))
    asked = EvaluateRequest(
        shots=[0, 2],
        strategies=["random"],
        targets=["noon"],
        learners=["lmm"],
        lmm={"model": "some/model", **lmm},  # type: ignore[arg-type]
    )
    return adaptable.services.jobs.submit("evaluate", asked, pool=POOL, announce=False).id


def test_it_is_granted_once_and_anew_to_who_retries(
    adaptable: Adaptable, endpoint: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = submit(adaptable, endpoint, most_requests=10)
    real = JobContext.progress

    def dying(context: JobContext, *args: Any, **figures: Any) -> None:
        real(context, *args, **figures)
        if len(endpoint.received) >= 4:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(JobContext, "progress", dying)
        with pytest.raises(Killed):
            adaptable.run(id)
    assert 4 <= len(endpoint.received) < 10
    adaptable.forget_worker()
    for most in (10, 20):
        job = adaptable.run(id)
        assert (job.state, (job.error or {})["code"]) == ("failed", "learner_budget_spent")
        assert len(endpoint.received) == most
        adaptable.services.jobs.retry(id)
    job = adaptable.run(id)
    assert job.state == "succeeded", job.error
    # What was open in the worker that died was asked again.
    assert QUESTIONS <= len(endpoint.received) <= QUESTIONS + 4
    assert adaptable.checkpoints(id) == set()


def test_retries_are_counted_and_attempts_are_not(adaptable: Adaptable, endpoint: ScriptedServer) -> None:
    id = submit(adaptable, endpoint, most_requests=1)
    counted = []
    real = JobContext.check

    def look(context: JobContext) -> None:
        counted.append(context.retries())
        real(context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobContext, "check", look)
        adaptable.run(id)
        adaptable.services.jobs.retry(id)
        adaptable.services.jobs.cancel(id)
        adaptable.services.jobs.retry(id)
        adaptable.run(id)
    assert list(dict.fromkeys(counted)) == [0, 2]
