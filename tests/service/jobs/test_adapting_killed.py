"""Killed with -9 anywhere, an adaptation goes on in another process and ends as if it hadn't been."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.service.adaptable import Adaptable, vectors_of

ROOT = Path(__file__).parents[3]
WELL = {"died": False, "code": 0}

CLOSED_FORM = ["choose", "learning set", "reserve", "number", "save", "add", "fill", "switch", "succeed"]
MEASURED = ("half", "views_at_32", "in_time", "half_products", "steps")  # in this order
FINETUNE = [*(("measured", nth) for nth in range(1, 1 + len(MEASURED))), *(("checkpoint", nth) for nth in (1, 4, 6))]
CASES = [("closed_form", call, 1) for call in CLOSED_FORM] + [("finetune", call, nth) for call, nth in FINETUNE]


class Driver:
    """Adapts in children of a process that is warm."""

    def __init__(self, template: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.jobs.adapting_driver", str(template)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        )

    def order(self, adaptable: Adaptable, job: str, **more: object) -> dict[str, object]:
        told = {"data": str(adaptable.data), "job": job, "half": False, "half_products": False, "steps": 4, **more}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        ended: dict[str, object] = json.loads(self._process.stdout.readline())
        return ended

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def driver(adaptable_data: Path) -> Iterator[Driver]:
    driver = Driver(adaptable_data)
    yield driver
    driver.close()


def request_of(depth: str) -> dict[str, Any]:
    return {"depth": depth, "blocks": 1}


@pytest.fixture(scope="module")
def undisturbed(
    driver: Driver, adaptable_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, np.ndarray]]:
    """The vectors that come of an adaptation that nobody kills, by depth."""
    found = {}
    for depth in ("closed_form", "finetune"):
        adaptable = Adaptable(adaptable_data, tmp_path_factory.mktemp("undisturbed"))
        assert driver.order(adaptable, adaptable.submit(**request_of(depth))) == WELL
        found[depth] = vectors_of(adaptable.pool.snapshot(2))
        adaptable.close()
    return found


def measured_otherwise(call: str, nth: int, moment: str) -> dict[str, object]:
    """What a second attempt would measure by itself, of that which the first wrote down before it died."""
    otherwise = {"half": True, "half_products": True, "steps": 5}
    written = MEASURED[: nth - (moment == "before")] if call == "measured" else MEASURED
    return {name: value for name, value in otherwise.items() if name in written}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("depth", "call", "nth"), CASES)
def test_it_ends_as_if_it_had_not_been_killed(
    driver: Driver,
    undisturbed: dict[str, dict[str, np.ndarray]],
    adaptable: Adaptable,
    depth: str,
    call: str,
    nth: int,
    moment: str,
) -> None:
    jobs = adaptable.services.jobs
    id = adaptable.submit(**request_of(depth))
    assert driver.order(adaptable, id, at=f"{moment} {call}", nth=nth)["died"]
    done = (moment, call) == ("after", "succeed")
    assert jobs.get(id).state == ("succeeded" if done else "running")
    switched = done or call == "succeed" or (moment, call) == ("after", "switch")
    assert (adaptable.pool.serving() is not None) is switched
    adaptable.forget_worker()
    if not done:
        assert driver.order(adaptable, id, **measured_otherwise(call, nth, moment)) == WELL
    job = jobs.get(id)
    result = adaptable.result(job)
    assert (job.attempt, result.switched) == (1 if done else 2, True)
    # A number that was reserved and not written down is lost.
    assert result.version == (3 if (moment, call) in {("after", "reserve"), ("before", "number")} else 2)
    adaptable.check_serving(result.version)
    learnt = vectors_of(adaptable.pool.snapshot(result.version))
    expected = undisturbed[depth]
    assert learnt.keys() == expected.keys()
    np.testing.assert_allclose(np.stack([learnt[id] for id in expected]), np.stack([*expected.values()]), atol=1e-4)


def test_killed_and_cancelled_it_leaves_nothing_that_the_next_one_does_not_remove(
    driver: Driver, adaptable: Adaptable
) -> None:
    for call in ("save", "add"):
        id = adaptable.submit()
        assert driver.order(adaptable, id, at=f"after {call}", nth=1)["died"]
        adaptable.forget_worker()
        assert adaptable.services.jobs.cancel(id).state == "cancelled"
    assert adaptable.stored() == {3}
    id = adaptable.submit()
    assert driver.order(adaptable, id) == WELL
    adaptable.check_serving(4)
