"""The drive that kills everything: what it takes for a contradiction, and one short round of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.chaos import under_way
from benchmarks.chaos.drive import Outcome
from benchmarks.chaos.page import Run, read, tables
from benchmarks.chaos.surroundings import SURROUNDINGS, missing
from benchmarks.chaos.under_way import UnderWay
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


def test_what_a_process_is_in_the_middle_of_can_be_read_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = UnderWay(tmp_path / "counters")
    assert told.now() == []
    module = types.ModuleType("done_here")
    module.work = lambda fails: told.now() if not fails else 1 / 0
    monkeypatch.setitem(sys.modules, "done_here", module)
    monkeypatch.setattr(under_way, "OPERATIONS", {"work": ("done_here", "", "work")})
    told.clear()
    under_way.tell(told.file)
    assert module.work(fails=False) == ["work"]
    with pytest.raises(ZeroDivisionError):
        module.work(fails=True)
    assert told.now() == []


def test_the_tables_hold_what_was_seen(tmp_path: Path) -> None:
    seen = Outcome(
        "redis:3:1",
        "redis",
        7.0,
        {"jobs succeeded": 4},
        {"redis": 2, "worker (mine)": 1},
        {"rebuild": {"worker (mine)": 1}, "ingest": {"redis": 2}},
        [],
    )
    failed = replace(seen, seed="redis:3:2", findings=["w0: 1 is lost"])
    run = Run("a machine", "2026-01-01", 3, [seen, failed])
    (tmp_path / "seen.json").write_text(json.dumps(asdict(run)))
    page = tables([read(tmp_path / "seen.json")])
    assert page.startswith("2 rounds, 1 of which held; seeds redis:3:1 to 2. a machine; 2026-01-01.")
    assert "| jobs that succeeded | 0 | 8 | 0 |" in page
    assert "| kill -9 of worker (mine) | 0 | 2 | 0 |" in page
    assert "| rebuild | 2 | 0 | 0 | 0 | 0 |" in page
    assert "| ingest | 0 | 4 | 0 | 0 | 0 |" in page
    assert "FAILED redis:3:2: w0: 1 is lost" in page
    in_turn = replace(run, outcomes=[replace(seen, seed="sqlite:3:0", around="sqlite"), seen])
    assert "; seeds sqlite/redis:3:0 to 1. " in tables([in_turn])


def test_a_round_of_killing_loses_and_doubles_nothing(tmp_path: Path) -> None:
    around = [name for name in SURROUNDINGS if not missing(name)][-1]  # PostgreSQL and Redis, where they are installed
    command = [sys.executable, "-m", "benchmarks.chaos", "--rounds", "1", "--kills", "3", "--seed", "1"]
    ended = subprocess.run(
        [*command, "--only", around, "--json", str(tmp_path / "seen.json"), "--keep", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (seen,) = json.loads((tmp_path / "seen.json").read_text())["outcomes"]
    assert seen["findings"] == []
    assert sum(seen["kills"].values()) >= 3
    assert seen["counts"]["acknowledged changes"] > 0
    assert seen["counts"]["selections compared with brute force"] > 0
