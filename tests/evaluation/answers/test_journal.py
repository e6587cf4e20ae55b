"""Answers survive the death of their process, and none is asked for twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evaluation.answers.journal import Journal
from invariantselect.errors import AnswersInvalidError
from tests.evaluation.answers.rows import answers_at_random

ROOT = Path(__file__).parents[3]
PLAN = {"pool": "skin", "version": 3, "targets": ("a", "b")}
ANSWERS = answers_at_random(0, queries=4)


def written(path: Path) -> bytes:
    with Journal(path, PLAN) as journal:
        for answered in ANSWERS:
            journal.append(answered)
    return path.read_bytes()


def test_a_rerun_finds_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    content = written(path)
    with Journal(path, PLAN) as journal:
        assert journal.answers == ANSWERS
        assert all(answered.key in journal for answered in ANSWERS)
        assert ANSWERS[0].key._replace(learner="another") not in journal
        with pytest.raises(ValueError, match="answered already"):
            journal.append(ANSWERS[0])
    assert path.read_bytes() == content


def test_wherever_the_file_is_torn_whole_answers_stay_and_the_rest_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    content = written(path)
    # Every length near the ends of lines, and some within them.
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    for length in sorted({0, 1, 20, *(end + shift for end in ends for shift in (-40, -1, 0) if end + shift >= 0)}):
        path.write_bytes(content[:length])
        with Journal(path, PLAN) as journal:
            whole = max(0, content[:length].count(b"\n") - 1)
            assert journal.answers == ANSWERS[:whole]
            for answered in ANSWERS[whole:]:
                journal.append(answered)
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("where", "nth"), [("before write", 3), ("after write", 3), ("amid write", 1), ("amid write", 7)]
)
def test_a_killed_process_loses_at_most_the_answer_that_was_on_the_way(tmp_path: Path, where: str, nth: int) -> None:
    journal, asked = tmp_path / "answers.jsonl", tmp_path / "asked"
    driver = [sys.executable, "-m", "tests.evaluation.answers.answering_driver", str(journal), str(asked)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}
    killed = subprocess.run([*driver, where, str(nth)], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    before = asked.read_text().splitlines()
    subprocess.run([*driver, "never", "0"], cwd=ROOT, env=environment, check=True)

    expected = answers_at_random(0, queries=5)
    with Journal(journal, {"protocol": "leave-one-domain-out", "seed": 0}) as whole:
        assert whole.answers == expected
    times = Counter(asked.read_text().splitlines())
    assert len(times) == len(expected)
    again = [key for key, count in times.items() if count > 1]
    assert again == ([] if where == "after write" or nth == 1 else before[-1:])


def test_answers_of_another_evaluation_are_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    content = written(path)
    with pytest.raises(AnswersInvalidError, match="another evaluation"):
        Journal(path, {**PLAN, "version": 4})
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"a photograph\nof a cat", b"no line end", b'{"format": "other"}\n', b"[1]\n"])
def test_a_strangers_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(AnswersInvalidError, match="no journal"):
        Journal(path, PLAN)
    assert path.read_bytes() == content


def test_damage_before_the_last_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    lines = written(path).splitlines(keepends=True)
    for damaged in (b'{"fold": "f"}\n', b"\x00\x00\n", b"[]\n"):
        path.write_bytes(b"".join([*lines[:2], damaged, *lines[2:]]))
        with pytest.raises(AnswersInvalidError, match="line 3"):
            Journal(path, PLAN)


def test_an_answer_that_came_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    content = written(path)
    path.write_bytes(content + content.splitlines(keepends=True)[1])
    with Journal(path, PLAN) as journal:
        assert journal.answers == ANSWERS


def test_after_a_full_disk_the_next_process_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answers.jsonl"
    journal = Journal(path, PLAN)
    journal.append(ANSWERS[0])
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, content: real(file, content[:10]))
    with pytest.raises(OSError, match="could not be written"):
        journal.append(ANSWERS[1])
    monkeypatch.undo()
    with Journal(path, PLAN) as after:
        assert after.answers == ANSWERS[:1]
        after.append(ANSWERS[1])
    with Journal(path, PLAN) as last:
        assert last.answers == ANSWERS[:2]
