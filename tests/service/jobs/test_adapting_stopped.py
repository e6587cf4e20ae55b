"""An adaptation that is cancelled, fails or is cut short leaves the pool as it was, and goes on when it is retried."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from encoders.adaptation import adapt as adaptation
from encoders.adaptation.finetune import Finetuning
from index.versioned_pool import VersionedPool
from invariantselect.errors import CatalogUnavailableError
from tests.service.adaptable import Adaptable, vectors_of
from tests.service.jobs.phases import at, cancel, fail

CLOSED_FORM = ["loading the encoder", "validation of frozen", "encoding the pool"]
FINETUNE = ["activations", "fine-tuning, without dusk", "fine-tuning, without noon", "encoding the pool"]


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often something was learnt: ``adaptations``, and ``steps`` of trainings."""
    counted: Counter[str] = Counter()

    def count(name: str, owner: Any, attribute: str) -> None:
        real = getattr(owner, attribute)

        def counting(*args: Any, **kwargs: Any) -> Any:
            counted[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, attribute, counting)

    count("adaptations", adaptation, "adapt")
    count("steps", Finetuning, "_descend")
    return counted


@pytest.mark.parametrize(
    ("depth", "phase"),
    [("closed_form", phase) for phase in CLOSED_FORM]
    + [("head", "validation of head")]
    + [("finetune", phase) for phase in FINETUNE],
)
def test_cancelled_in_any_phase_it_leaves_the_pool_as_it_was_and_can_be_retried(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, depth: str, phase: str
) -> None:
    version, before = adaptable.pool.version(), vectors_of(adaptable.pool.snapshot())
    with monkeypatch.context() as patch:
        at(patch, phase, cancel)
        id = adaptable.submit(depth=depth, blocks=1)
        job = adaptable.run(id)
    assert (job.state, job.result, job.error) == ("cancelled", None, None)
    adaptable.check_untouched()
    assert adaptable.pool.version() == version
    assert {name: vector.tobytes() for name, vector in vectors_of(adaptable.pool.snapshot()).items()} == {
        name: vector.tobytes() for name, vector in before.items()
    }
    adaptable.services.jobs.retry(id)
    result = adaptable.result(adaptable.run(id))
    assert result.switched
    assert result.version is not None
    adaptable.check_serving(result.version)


def test_a_cancelled_training_that_was_done_is_not_done_again(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, learnt: Counter[str]
) -> None:
    with monkeypatch.context() as patch:
        at(patch, "encoding the pool", cancel)
        id = adaptable.submit(depth="finetune", blocks=1)
        assert adaptable.run(id).state == "cancelled"
    steps = learnt["steps"]
    assert steps >= 3 * 1 + 4  # of three folds and of all, behind trials that are timed
    adaptable.services.jobs.retry(id)
    adaptable.result(adaptable.run(id))
    assert learnt["steps"] == steps


def test_a_cancel_that_comes_when_it_switches_comes_too_late(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, "switching", cancel)
    job = adaptable.run(adaptable.submit())
    assert (job.state, job.cancel_requested) == ("succeeded", True)
    adaptable.check_serving(2)


@pytest.mark.parametrize("step", ["add_version", "fill", "switch"])
def test_what_was_learnt_is_kept_when_a_later_step_fails(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, learnt: Counter[str], step: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise CatalogUnavailableError("the database doesn't answer")

    with monkeypatch.context() as patch:
        patch.setattr(VersionedPool, step, broken)
        id = adaptable.submit()
        job = adaptable.run(id)
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], adaptable.pool.serving()) == ("catalog_unavailable", None)
    assert adaptable.stored() == {2}
    adaptable.services.jobs.retry(id)
    assert adaptable.result(adaptable.run(id)).switched
    assert learnt["adaptations"] == 1
    adaptable.check_serving(2)


def test_what_a_failed_adaptation_left_is_gone_when_another_begins_and_it_may_be_retried_all_the_same(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at(patch, "encoding the pool", fail)
        failed = adaptable.submit()
        assert adaptable.run(failed).state == "failed"
    assert (adaptable.versions(), adaptable.stored()) == ([(1, "frozen"), (2, "candidate")], {2})
    assert adaptable.adapt().version == 3
    adaptable.check_serving(3)
    adaptable.services.jobs.retry(failed)
    assert adaptable.result(adaptable.run(failed)).switched
    assert adaptable.stored() == {number for number, _ in adaptable.versions()} - {1}
    assert adaptable.checkpoints(failed) == set()


def test_an_encoder_that_was_stored_and_never_added_is_removed_when_its_job_has_ended(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise CatalogUnavailableError("the database doesn't answer")

    with monkeypatch.context() as patch:
        patch.setattr(VersionedPool, "add_version", broken)
        ended, waiting = adaptable.submit(), adaptable.submit()
        for id in (ended, waiting):
            assert adaptable.run(id).state == "failed"
        assert adaptable.stored() == {3}  # the second removed what the first had left
        adaptable.services.jobs.retry(waiting)
    assert adaptable.adapt().version == 4
    assert adaptable.stored() == {3, 4}  # the job of number 3 waits for a worker
    adaptable.services.jobs.cancel(waiting)
    adaptable.adapt()
    assert adaptable.stored() == {4, 5}


@pytest.mark.parametrize("name", ["number.json", "learning-set.npz"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"PK\x03\x04 of nothing", b"[]"])
def test_a_damaged_file_of_an_attempt_before_is_told_by_name(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    with monkeypatch.context() as patch:
        at(patch, "encoding the pool", fail)
        id = adaptable.submit()
        assert adaptable.run(id).state == "failed"
    folder = adaptable.data / "jobs" / id
    (folder / "number.json").unlink()
    (folder / name).write_bytes(content)
    adaptable.services.jobs.retry(id)
    job = adaptable.run(id)
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], name in str(job.error["detail"])) == ("store_corrupt", True)
    assert job.error["hint"] == "Hand the adaptation in anew."
    assert adaptable.adapt().switched
