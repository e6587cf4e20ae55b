"""The gate: a new encoder version serves only if validation finds it no worse than what is searched now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from encoders.lineage import Lineage
from index.encoder_version import EncoderVersion
from service.jobs import adapting
from service.jobs.adaptation_gate import decide
from service.rollback import roll_back
from tests.service.adaptable import Adaptable, make, vectors_of
from tests.service.jobs import phases


def serving(lineage: dict[str, Any]) -> EncoderVersion:
    return EncoderVersion(4, "e", "f", 8, False, "serving", lineage, datetime(2024, 1, 1, tzinfo=UTC))


def scored(score: float, frozen: float) -> dict[str, Any]:
    return {"metrics": {"score": score, "frozen_score": frozen}}


@pytest.mark.parametrize(
    ("score", "frozen", "before", "admitted"),
    [
        # (score, frozen score) of the candidate and of the version that serves
        (0.7, 0.6, None, True),
        (0.6, 0.6, None, False),
        (0.5, 0.6, None, False),
        (0.7, 0.6, {}, True),
        (0.7, 0.6, {"metrics": {}}, True),
        (0.7, 0.6, {"metrics": {"score": 0.9}}, True),
        (0.7, 0.6, scored(0.6, 0.6), True),
        (0.7, 0.6, scored(0.7, 0.6), True),
        (0.7, 0.6, scored(0.8, 0.6), False),
        (0.7, 0.6, scored(0.8, 0.75), True),  # the pool became harder: less of a score, more of a gain
        (0.7, 0.6, scored(0.65, 0.3), True),  # it became easier: more of a score, less of a gain
        (0.7, 0.6, scored(0.8, 0.65), False),  # behind in both
        (0.5, 0.6, scored(0.4, 0.3), False),  # the frozen encoder is the first that must be beaten
    ],
)
def test_it_must_beat_the_frozen_encoder_and_not_be_behind_the_one_that_serves(
    score: float, frozen: float, before: dict[str, Any] | None, admitted: bool
) -> None:
    version = None if before is None else serving(before)
    metrics = {"score": score, "frozen_score": frozen}
    decision = decide(metrics, version, force=False)
    assert (decision.admitted, decision.reason is None) == (admitted, admitted)
    forced = decide(metrics, version, force=True)
    assert (forced.admitted, forced.reason) == (True, decision.reason)


@pytest.mark.parametrize(
    ("credit", "credit_before", "admitted"),
    [(0.0, 0.0, False), (0.06, 0.0, True), (0.06, 0.02, False), (0.06, 0.06, False), (0.0, 0.06, False)],
)
def test_each_has_its_credit_beside_its_score(credit: float, credit_before: float, admitted: bool) -> None:
    before = serving({"metrics": {"score": 0.75, "frozen_score": 0.5, "credit": credit_before}})
    metrics = {"score": 0.7, "frozen_score": 0.5, "credit": credit}
    assert decide(metrics, before, force=False).admitted == admitted


@pytest.mark.parametrize(
    ("stored", "admitted"),
    [
        (
            {
                "winner": "finetune",
                "contestants": [{"name": "frozen", "credit": 0}, {"name": "finetune", "credit": 0.02}],
            },
            False,
        ),
        ({"winner": "head", "contestants": [{"name": "head", "credit": 0.0}]}, True),
        ({"winner": "finetune", "contestants": [{"name": "finetune"}]}, False),  # nobody knows: by their scores alone
        ({"winner": "finetune", "contestants": []}, False),
        ({}, False),
        (None, False),
    ],
)
def test_the_credit_of_a_version_of_an_earlier_release(stored: dict[str, Any] | None, admitted: bool) -> None:
    before = {"score": 0.75, "frozen_score": 0.5} | ({} if stored is None else {"report": stored})
    metrics = {"score": 0.7, "frozen_score": 0.5, "credit": 0.06}
    assert decide(metrics, serving({"metrics": before}), force=False).admitted == admitted


def test_credit_does_not_help_against_the_frozen_encoder() -> None:
    assert not decide({"score": 0.5, "frozen_score": 0.5, "credit": 0.06}, None, force=False).admitted


def test_the_reason_names_the_figures() -> None:
    assert decide({"score": 0.5, "frozen_score": 0.6}, None, force=False).reason == (
        "it scores 0.5000 on the domains held out, no more than the frozen encoder's 0.6000"
    )
    assert decide({"score": 0.75, "frozen_score": 0.5}, serving(scored(0.875, 0.5)), force=False).reason == (
        "it scores 0.7500 on the domains held out, 0.2500 more than the frozen encoder; version 4, which serves, "
        "scored 0.8750, 0.3750 more"
    )
    credited = serving({"metrics": {"score": 0.875, "frozen_score": 0.5, "credit": 0.02}})
    assert decide({"score": 0.75, "frozen_score": 0.5, "credit": 0.06}, credited, force=False).reason == (
        "it scores 0.7500 and 0.06 of credit on the domains held out, 0.2500 more than the frozen encoder; version 4, "
        "which serves, scored 0.8750 and 0.02 of credit, 0.3750 more"
    )


@pytest.fixture(scope="module")
def perfect_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a pool in which the frozen encoder finds everything."""
    return make(tmp_path_factory.mktemp("perfect"), shifted=False)


@pytest.fixture
def perfect(perfect_data: Path, tmp_path: Path, short_heads: None) -> Iterator[Adaptable]:
    adaptable = Adaptable(perfect_data, tmp_path)
    yield adaptable
    adaptable.close()


def test_where_the_frozen_encoder_is_perfect_the_version_is_kept_and_does_not_serve(perfect: Adaptable) -> None:
    version, before = perfect.pool.version(), vectors_of(perfect.pool.snapshot())
    id = perfect.submit()
    result = perfect.result(perfect.run(id))
    assert (result.switched, result.version, result.frozen_score) == (False, 2, 1.0)
    assert result.reason == "it scores 1.0000 on the domains held out, no more than the frozen encoder's 1.0000"
    assert f"version 2 doesn't serve: {result.reason}" in perfect.log(id)
    assert (perfect.versions(), perfect.pool.serving()) == ([(1, "frozen"), (2, "retired")], None)
    after = vectors_of(perfect.pool.snapshot())
    assert (perfect.pool.version(), list(after)) == (version, list(before))
    assert all((after[id] == before[id]).all() for id in before)
    assert (perfect.stored(), perfect.spaces()) == ({2}, set())  # nothing was encoded for it


def test_a_version_that_was_refused_can_be_gone_to(perfect: Adaptable) -> None:
    perfect.adapt()
    assert roll_back(perfect.pool, perfect.services.recode_for(perfect.pool), to=2) == 2
    perfect.check_serving(2)


def test_auto_makes_no_version_where_nothing_is_better(perfect: Adaptable, monkeypatch: pytest.MonkeyPatch) -> None:
    told = phases.at(monkeypatch, "nothing", lambda _: None)
    result = perfect.adapt(depth="auto", budget_seconds=0.001)
    assert (result.switched, result.version, result.winner) == (False, None, "frozen")
    assert result.reason == "no adapted space is better than the frozen encoder"
    assert [each.name for each in result.contestants] == ["frozen", "closed_form", "head", "head + closed_form"]
    assert "a budget of 0.001 seconds is too short" in result.left_out["finetune"]
    assert "encoding the pool" not in told
    perfect.check_untouched()


@pytest.mark.parametrize("depth", ["closed_form", "auto"])
def test_forced_it_serves_and_what_speaks_against_it_is_told(perfect: Adaptable, depth: str) -> None:
    result = perfect.adapt(depth=depth, budget_seconds=0.001, force=True)
    assert (result.switched, result.version) == (True, 2)
    assert result.winner != "frozen"
    assert result.reason is not None
    assert "the frozen encoder's 1.0000" in result.reason
    perfect.check_serving(2)
    serving = perfect.pool.serving()
    assert serving is not None
    assert (serving.lineage["admitted"], serving.lineage["reason"]) == (True, result.reason)


def test_one_that_is_behind_the_version_that_serves_does_not_replace_it(
    adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = adapting._lineage

    def excellent(*given: Any) -> Lineage:
        lineage = real(*given)
        return replace(lineage, metrics={**lineage.metrics, "score": 0.99})

    with monkeypatch.context() as patch:
        patch.setattr(adapting, "_lineage", excellent)
        assert adaptable.adapt().version == 2
    result = adaptable.adapt()
    assert (result.switched, result.version) == (False, 3)
    assert result.reason is not None
    assert "version 2, which serves, scored 0.9900" in result.reason
    assert adaptable.versions() == [(1, "frozen"), (2, "serving"), (3, "retired")]
    assert adaptable.adapt(force=True).switched
    assert adaptable.versions()[1:] == [(2, "retired"), (3, "retired"), (4, "serving")]
