"""Killed at any point, a pool loses nothing that it acknowledged, doubles nothing, and answers right."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.inspection import inspect
from index.pools import Pools
from index.snapshot import Snapshot
from tests.index.entries import DIM, entry, make_pool, vector_of_image
from tests.index.kill_driver import CALLS
from tests.index.model import Model

ROOT = Path(__file__).parents[2]
QUERIES = np.stack([vector_of_image(b"image 3"), np.eye(1, DIM, dtype=np.float32)[0]])


class Driver:
    """The driver's process, and what it was told and acknowledged so far."""

    def __init__(self, data: Path) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "client")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.index.kill_driver", str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
        )

    def order(self, **order: object) -> tuple[list[list], list | None, dict]:
        """Operations that were acknowledged, the one that was under way, and how it ended."""
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        done, under_way = [], None
        while True:
            said = json.loads(self.process.stdout.readline())
            if "begin" in said:
                under_way = said["begin"]
            elif "done" in said:
                done.append(under_way)
                under_way = None
            else:
                return done, under_way, said

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


def after(model: Model, operation: list) -> Model:
    entries = dict(model.entries)
    match operation:
        case ["write", batch]:
            entries.update({id: entry(id, image.encode(), label=label) for id, image, label in batch})
        case ["patch", labels]:
            entries.update({id: replace(entries[id], label=label) for id, label in labels.items() if id in entries})
        case ["delete", ids]:
            entries = {id: each for id, each in entries.items() if id not in ids}
    return Model(entries)


def state(model: Model) -> dict[str, tuple[str, bytes]]:
    return {id: (each.label, each.image) for id, each in model.entries.items()}


def stored(snapshot: Snapshot, images: dict[str, bytes]) -> dict[str, tuple[str, bytes]]:
    living = [snapshot.demonstration(position) for position in np.flatnonzero(snapshot.alive).tolist()]
    return {each.id: (each.label, images[each.id]) for each in living}


@pytest.fixture
def data(tmp_path):
    make_pool(tmp_path)
    return tmp_path


def check_recovery(data: Path, model: Model, done: list[list], under_way: list | None) -> Model:
    """Reopen as after a crash; return what is stored: everything acknowledged, the last operation whole or not."""
    for operation in done:
        model = after(model, operation)
    with Pools(data) as pools:
        pool = pools.open("pool")
        snapshot = pool.snapshot()
        ids = snapshot.ids[snapshot.alive].tolist()
        held = stored(snapshot, {id: pool.image(id).content for id in ids})
        outcome = model if under_way is None else after(model, under_way)
        assert held in (state(model), state(outcome))
        model = outcome if held == state(outcome) else model
        model.check(snapshot, QUERIES, limit=None)
    assert [finding for finding in inspect(data) if not finding.harmless] == []
    return model


@pytest.mark.parametrize("call", sorted(CALLS))
def test_dying_around_any_call_that_matters_leaves_a_right_pool(data, call):
    driver, model, deaths = Driver(data), Model(), 0
    try:
        for number, nth in enumerate((1, 2, 5)):
            for moment in ("before", "after"):
                done, under_way, end = driver.order(seed=100 * number + nth, at=f"{moment} {call}", nth=nth)
                model = check_recovery(data, model, done, under_way)
                assert end["died"] or end["code"] == 0
                deaths += end["died"]
    finally:
        driver.close()
    assert deaths >= 5
    with Pools(data) as pools:
        pool = pools.open("pool")
        pool.write([entry("last")])
        pool.seal()
        model.entries["last"] = entry("last")
        model.check(pool.snapshot(), QUERIES)
    assert not [finding for finding in inspect(data) if "manifest" in finding.detail]


def test_dying_at_any_time_leaves_a_right_pool(data):
    driver, model, chance, deaths = Driver(data), Model(), random.Random(7), 0
    try:
        for number in range(16):
            done, under_way, end = driver.order(seed=number, after_ms=chance.uniform(5, 250))
            model = check_recovery(data, model, done, under_way)
            deaths += end["died"]
    finally:
        driver.close()
    assert deaths >= 12
