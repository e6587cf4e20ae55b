"""The drive that kills everything: what it takes for a contradiction, and one short round of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.chaos.worlds import Contradiction, Deletion, Held, Redomaining, Relabelling, Upsert, Worlds

ROOT = Path(__file__).parents[2]
A, B = Held("a" * 64, "cat", "x"), Held("b" * 64, "dog", "y")


def test_an_acknowledged_change_that_is_gone_is_a_contradiction() -> None:
    worlds = Worlds({})
    worlds.answered(Upsert({"1": A}), ["created"])
    worlds.observed({"1": A})
    with pytest.raises(Contradiction, match="1 is lost"):
        worlds.observed({})
    with pytest.raises(Contradiction, match="2 came from nowhere"):
        worlds.observed({"1": A, "2": B})
    with pytest.raises(Contradiction, match="not Held"):
        worlds.observed({"1": B})


def test_a_change_without_an_answer_may_have_come_to_effect_whole_or_not_at_all() -> None:
    both = Upsert({"1": A, "2": B})
    for state in ({}, dict(both.new)):
        worlds = Worlds({})
        worlds.unanswered(both)
        assert not worlds.certain
        worlds.observed(state)
        assert worlds.certain
    worlds = Worlds({})
    worlds.unanswered(both)
    with pytest.raises(Contradiction):
        worlds.observed({"1": A})


def test_a_later_answer_tells_what_became_of_an_earlier_request() -> None:
    worlds = Worlds({"1": A})
    worlds.unanswered(Upsert({"1": B}))
    worlds.unanswered(Deletion(["2"]))
    worlds.answered(Upsert({"1": B}), ["unchanged"])
    worlds.observed({"1": B})
    with pytest.raises(Contradiction, match="not \\['unchanged'\\]"):
        worlds.answered(Upsert({"1": B}), ["replaced"])


def test_statuses_are_those_of_the_service() -> None:
    worlds = Worlds({"1": A})
    worlds.answered(Relabelling({"1": "dog", "2": "dog"}), ["updated", "failed"])
    worlds.answered(Relabelling({"1": "dog"}), ["unchanged"])
    worlds.answered(Redomaining("1", None), ["patched"])
    worlds.answered(Redomaining("2", None), ["failed"])
    worlds.answered(Deletion(["1", "2"]), ["deleted", "failed"])
    worlds.observed({})


def test_a_round_of_killing_loses_and_doubles_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.chaos", "--rounds", "1", "--kills", "6", "--seed", "1"]
    ended = subprocess.run(
        [*command, "--json", str(tmp_path / "seen.json"), "--keep", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (seen,) = json.loads((tmp_path / "seen.json").read_text())
    assert seen["findings"] == []
    assert seen["counts"]["acknowledged changes"] > 0
    assert seen["counts"]["selections compared with brute force"] > 0
