"""What is printed of an adaptation says what took no part, too, and lets nothing steer the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from invariantselect.wire.adaptation import AdaptationResult, Contestant
from invariantselect.wire.jobs import Job
from service.cli.adaptation_tables import print_adaptation


def job(**changes: object) -> Job:
    frozen = Contestant(
        name="frozen", depth="frozen", accuracy=0.5, macro_accuracy=0.25, precision=0.75, score=0.5, seconds=1.0
    )
    result = AdaptationResult(
        switched=False,
        reason="no adapted space is better",
        winner="frozen",
        score=0.5,
        frozen_score=0.5,
        snapshot=3,
        contestants=[frozen],
    ).model_dump(mode="json")
    return Job(
        id="j", kind="adapt", state="succeeded", result=result | changes, attempt=1, created_at=datetime.now(UTC)
    )


def test_a_depth_that_took_no_part_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    print_adaptation(job(left_out={"finetune": "the budget\nis too short"}))
    heading, frozen, *told = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "candidate"
    assert frozen.split() == ["frozen", "0.500", "0.250", "0.750", "0.500", "–", "–"]
    assert told == [
        r"finetune took no part: the budget\nis too short.",
        "Nothing was changed: no adapted space is better.",
    ]


def test_a_server_that_doesnt_tell_yet_is_read_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    older = job()
    assert older.result is not None
    del older.result["left_out"]
    print_adaptation(older)
    assert len(capsys.readouterr().out.splitlines()) == 3
