"""Killed with -9 anywhere, an evaluation goes on and ends with the same answers; none is asked for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ANSWERS = 2 * 3 * 4 * 3  # learners, folds, queries, rows


class Driver:
    """Evaluates in children of a process that is warm."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.evaluation.running.evaluating_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        )

    def run(self, folder: Path, at: str | None = None, nth: int = 0) -> int:
        """Evaluate; how the process ended."""
        order = {"folder": str(folder), **({} if at is None else {"at": at, "nth": nth})}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


def asked(folder: Path) -> Counter[str]:
    return Counter((folder / "asked").read_text().splitlines())


@pytest.fixture(scope="module")
def undisturbed(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert driver.run(folder) == 0
    assert asked(folder).total() == ANSWERS
    return folder


@pytest.mark.parametrize(
    ("where", "nth"), [("after keep", 2), ("before keep", 3), ("before append", 1), ("after append", 45)]
)
def test_it_ends_as_if_it_had_not_been_killed(
    driver: Driver, tmp_path: Path, undisturbed: Path, where: str, nth: int
) -> None:
    assert driver.run(tmp_path, where, nth) == -signal.SIGKILL
    assert driver.run(tmp_path) == 0
    answers = (tmp_path / "out" / "answers.csv").read_bytes()
    assert answers == (undisturbed / "out" / "answers.csv").read_bytes()
    once = asked(undisturbed)
    # Only the answer that was on the way, if one was, is asked for again.
    again = asked(tmp_path) - once
    assert again.total() == (1 if where == "before append" else 0)
    assert set(asked(tmp_path)) == set(once)


def test_what_was_adapted_to_is_not_adapted_to_again(driver: Driver, tmp_path: Path) -> None:
    assert driver.run(tmp_path, "before adapt", 3) == -signal.SIGKILL
    # The third fold is left: were one of the first two adapted to again, this would be its second call.
    assert driver.run(tmp_path, "before adapt", 2) == 0
