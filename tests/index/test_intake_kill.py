"""Killed at any moment, an intake goes on where it stood: each file in once, nothing committed encoded again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from encoders.decode import decode
from index.inspection import inspect
from index.pools import Pools
from tests.fakes.pixel_encoder import PixelEncoder
from tests.index.intake_driver import BATCH, CALLS, digest
from tests.index.sources.files import png, put

ROOT = Path(__file__).parents[2]
FILES = [f"domain-{number % 3}/class-{number % 5}/{number:03d}.png" for number in range(240)]


class Driver:
    """The driver's process and the journal of what it encoded."""

    def __init__(self, tmp_path: Path) -> None:
        self.data, self.folder, self.journal = (tmp_path / name for name in ("data", "folder", "journal"))
        put(self.folder, *FILES)
        encoder = PixelEncoder()
        self.ids = {digest(encoder.preprocess(decode(png(number)))): name for number, name in enumerate(FILES)}
        assert len(self.ids) == len(FILES)
        self.journal.touch()
        identity = encoder.identity
        with Pools(self.data) as pools:
            pools.create("pool", identity.name, identity.fingerprint, identity.dim)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.index.intake_driver", str(self.data), str(self.folder), str(self.journal)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])},
        )

    def order(self, **order: object) -> tuple[list[str], dict]:
        """Run one intake; what it encoded, and how it ended."""
        begin = self.journal.stat().st_size
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        while "died" not in (said := json.loads(self._process.stdout.readline())):
            pass
        with self.journal.open() as journal:
            journal.seek(begin)
            return [self.ids[line.strip()] for line in journal], said

    def stored(self) -> dict[str, tuple[str, str, bytes]]:
        with Pools(self.data) as pools:
            pool = pools.open("pool")
            found = {each.id: (each.domain, each.label, pool.image(each.id).content) for each in pool.page(None, 1000)}
            assert sorted(pool.snapshot().ids[pool.snapshot().alive]) == sorted(found)
        return found

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture
def driver(tmp_path):
    driver = Driver(tmp_path)
    yield driver
    driver.close()


def orders(seed: int) -> list[dict]:
    chance = random.Random(seed)
    points = [
        {"at": f"{when} {moment}", "nth": chance.randint(1, 20 if moment == "preprocess" else 3)}
        for when in ("before", "after")
        for moment in CALLS
    ]
    times = [{"after_ms": chance.uniform(1, 150)} for _ in range(8)]
    return chance.sample([*points, *times], len(points) + len(times))


@pytest.mark.parametrize("seed", range(3))
def test_each_file_is_in_once_and_nothing_committed_is_encoded_again(driver, seed):
    wanted = {name: (name.split("/")[0], name.split("/")[1], png(number)) for number, name in enumerate(FILES)}
    deaths, committed = 0, driver.stored()
    for order in [*orders(seed), {}]:
        encoded, end = driver.order(**order)
        assert not committed.keys() & set(encoded)
        assert len(encoded) == len(set(encoded))
        committed = driver.stored()
        assert committed.items() <= wanted.items()
        assert len(set(encoded) - committed.keys()) <= 4 * BATCH  # decoded ahead, being encoded, being written
        assert end["died"] or end["code"] == 0
        deaths += end["died"]
    assert committed == wanted
    assert deaths >= 6
    assert [finding for finding in inspect(driver.data) if not finding.harmless] == []
    encoded, _ = driver.order()
    assert encoded == []
