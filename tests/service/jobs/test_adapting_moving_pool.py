"""A pool goes on living while its encoder is adapted: it is written to, dropped, or has nothing to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.versioned_pool import VersionedPool
from service.jobs import draft_version
from tests.service.adaptable import POOL, Adaptable, grow
from tests.service.jobs.phases import at, fail
from tests.service.shifted import DOMAINS, LABELS, save_tiny_encoder

AGAIN = "demonstrations were deleted or changed since the last attempt: it begins anew"


@pytest.mark.parametrize("phase", ["validation of frozen", "encoding the pool", "switching"])
@pytest.mark.parametrize("depth", ["closed_form", "finetune"])
def test_what_is_added_while_it_works_is_in_the_new_version_and_was_not_learnt_from(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, phase: str, depth: str
) -> None:
    before = adaptable.pool.version()
    at(monkeypatch, phase, lambda context: grow(adaptable.pool, tmp_path / "more", context.services, first=50))
    result = adaptable.adapt(depth=depth, blocks=1)
    assert (result.switched, result.snapshot) == (True, before)
    assert adaptable.pool.summary().demonstrations == 45
    adaptable.check_serving(2)


def test_what_is_deleted_and_relabelled_while_it_encodes_is_right_in_the_new_version(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(_: Any) -> None:
        adaptable.pool.delete(["dusk/red/0.png", "noon/blue/3.png"])
        moved = adaptable.pool.patch(
            {"dusk/red/1.png": {"domain": "noon"}, "noon/red/1.png": {"label": "green"}},
            vectors_for=adaptable.services.recode_for(adaptable.pool),
        )
        assert [outcome.status for outcome in moved] == ["updated", "updated"]

    at(monkeypatch, "encoding the pool", change)
    assert adaptable.adapt().switched
    assert adaptable.pool.summary().demonstrations == 34
    adaptable.check_serving(2)


def test_added_between_two_attempts_they_are_not_learnt_from(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = adaptable.pool.version()
    with monkeypatch.context() as patch:
        at(patch, "validation of frozen", fail)
        id = adaptable.submit()
        assert adaptable.run(id).state == "failed"
    grow(adaptable.pool, tmp_path / "more", adaptable.services, first=50)
    adaptable.services.jobs.retry(id)
    assert adaptable.result(adaptable.run(id)).snapshot == before
    assert AGAIN not in adaptable.log(id)
    adaptable.check_serving(2)


@pytest.mark.parametrize("change", ["deleted", "relabelled", "deleted and taken in again"])
def test_of_others_than_the_attempt_before_it_learns_anew(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    with monkeypatch.context() as patch:
        at(patch, "fine-tuning, without glare", fail)
        id = adaptable.submit(depth="finetune", blocks=1)
        assert adaptable.run(id).state == "failed"
    assert "work" in adaptable.checkpoints(id)
    if change == "relabelled":
        adaptable.pool.patch({"dusk/red/0.png": {"label": "green"}})
    else:
        adaptable.pool.delete([f"{domain}/{label}/0.png" for domain in DOMAINS for label in LABELS])
    if change == "deleted and taken in again":
        grow(adaptable.pool, tmp_path / "more", adaptable.services, first=0)
    now = adaptable.pool.version()
    adaptable.services.jobs.retry(id)
    assert adaptable.result(adaptable.run(id)).snapshot == now
    assert AGAIN in adaptable.log(id)
    adaptable.check_serving(2)


def test_an_image_that_is_deleted_before_it_was_read_makes_it_begin_anew(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, "validation of frozen", lambda _: adaptable.pool.delete(["dusk/red/0.png"]))
    id = adaptable.submit(depth="finetune", blocks=1)
    assert adaptable.result(adaptable.run(id)).snapshot == adaptable.pool.version() - 1  # the switch made another
    assert AGAIN in adaptable.log(id)
    adaptable.check_serving(2)


def test_an_image_that_is_lost_fails_it(adaptable: Adaptable) -> None:
    lost = adaptable.pool.image("dusk/red/0.png").sha256
    for path in (adaptable.data / "blobs").rglob(f"*{lost[2:]}*"):
        path.unlink()
    job = adaptable.run(adaptable.submit(depth="finetune", blocks=1))
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "store_corrupt"
    assert adaptable.adapt(depth="closed_form").switched  # which needs no images


@pytest.mark.parametrize("phase", ["loading the encoder", "validation of frozen", "encoding the pool"])
def test_a_pool_that_is_dropped_meanwhile_ends_it_and_nothing_is_left(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    at(monkeypatch, phase, lambda context: context.services.pools.drop(POOL))
    check_gone(adaptable)


@pytest.mark.parametrize(
    ("owner", "name"), [(VersionedPool, "reserve_number"), (draft_version, "save_adapted"), (VersionedPool, "fill")]
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_pool_that_is_dropped_between_two_steps_leaves_no_encoder(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, moment: str
) -> None:
    real = getattr(owner, name)

    def dropping(*args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            adaptable.services.pools.drop(POOL)
        result = real(*args, **kwargs)
        if moment == "after":
            adaptable.services.pools.drop(POOL)
        return result

    monkeypatch.setattr(owner, name, dropping)
    check_gone(adaptable)


def check_gone(adaptable: Adaptable) -> None:
    job = adaptable.run(adaptable.submit())
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], "'p'" in str(job.error["detail"])) == ("pool_not_found", True)
    assert not (adaptable.data / "encoders" / adaptable.pool.key).exists()
    assert not (adaptable.data / "pools" / adaptable.pool.key).exists()


def test_a_pool_with_one_label_has_nothing_to_learn_from(adaptable: Adaptable) -> None:
    snapshot = adaptable.pool.snapshot()
    ids = snapshot.ids[np.flatnonzero(snapshot.alive)].tolist()
    adaptable.pool.delete([id for id in ids if "red" not in id])
    job = adaptable.run(adaptable.submit())
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["detail"]) == (
        "invalid_request",
        "An encoder can't be adapted to 12 images of 1 labels.",
    )
    assert "two labels at least" in str(job.error["hint"])
    adaptable.check_untouched()


def test_an_encoder_that_this_server_does_not_serve_is_named(adaptable_data: Path, tmp_path: Path) -> None:
    adaptable = Adaptable(adaptable_data, tmp_path, encoder=save_tiny_encoder(tmp_path / "other", seed=6))
    job = adaptable.run(adaptable.submit())
    adaptable.close()
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], adaptable.pool.encoder in str(job.error["detail"])) == ("encoder_not_found", True)
    assert "INVARIANTSELECT_ENCODERS" in str(job.error["hint"])
