"""Killed at any point, a save leaves an encoder or none, and can be done again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from encoders.store import is_stored, load_stored
from tests.encoders.adapted import KEY, calibration_of, files_of, tiny_tower
from tests.encoders.save_driver import CALLS

ROOT = Path(__file__).parents[2]


class Driver:
    def __init__(self, store: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.encoders.save_driver", str(store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        )

    def order(self, **order: object) -> dict:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(tmp_path)
    yield driver
    driver.close()


def test_a_save_killed_anywhere_leaves_an_encoder_or_none_and_can_be_done_again(tmp_path: Path, driver: Driver) -> None:
    number, deaths = 1, 0
    for call in CALLS:
        for nth in (1, 2, 3):
            for moment in ("before", "after"):
                number += 1
                died = driver.order(number=number, at=f"{moment} {call}", nth=nth)["died"]
                deaths += died
                directory = tmp_path / KEY / str(number)
                if not is_stored(directory):
                    assert died
                    assert driver.order(number=number) == {"died": False, "code": 0}
                stored = load_stored(directory)
                assert stored.trunk.fingerprint() == tiny_tower(number).fingerprint()
                assert stored.calibration.digest() == calibration_of(number).digest()
                assert files_of(directory) == {"encoder.json", "weights.safetensors", "calibration.safetensors"}
    # At least once each, and at every flush: weights, calibration, description.
    assert deaths >= 2 * len(CALLS) + 4
