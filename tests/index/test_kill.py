"""Killed at any point, a pool loses nothing that it acknowledged, doubles nothing, and answers right."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from index.inspection import inspect
from index.pools import Pools
from index.snapshot import Snapshot
from tests.index.entries import SECOND, THIRD, add_version, entry, make_pool, recode_for, with_domain
from tests.index.kill_driver import CALLS, IDS, IMAGES
from tests.index.model import Model

ROOT = Path(__file__).parents[2]


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
        case ["write" | "remake", batch]:
            new = (entry(id, image.encode(), label=label, domain=domain) for id, image, label, domain in batch)
            entries.update({each.id: each for each in new})
        case ["patch", words]:
            for id, (label, domain) in words.items():
                if id in entries:
                    entries[id] = replace(with_domain(entries[id], domain), label=label)
        case ["delete", ids]:
            entries = {id: each for id, each in entries.items() if id not in ids}
    return Model(entries)


def state(model: Model) -> dict[str, tuple[str, str | None, bytes]]:
    return {id: (each.label, each.domain, each.image) for id, each in model.entries.items()}


def stored(snapshot: Snapshot, images: dict[str, bytes]) -> dict[str, tuple[str, str | None, bytes]]:
    living = [snapshot.demonstration(position) for position in np.flatnonzero(snapshot.alive).tolist()]
    return {each.id: (each.label, each.domain, images[each.id]) for each in living}


@pytest.fixture
def data(tmp_path):
    pool = make_pool(tmp_path)
    add_version(pool, SECOND)
    add_version(pool, THIRD)
    return tmp_path


@dataclass(frozen=True)
class Known:
    """What is known of the pool: its entries, and which version serves."""

    model: Model = field(default_factory=Model)
    serving: int = 1


def check_recovery(data: Path, known: Known, done: list[list], under_way: list | None) -> Known:
    """Reopen as after a crash; return what is stored: everything acknowledged, the last operation whole or not."""
    model = known.model
    for operation in done:
        model = after(model, operation)
    served = [known.serving, *(number for kind, *number in done if kind == "switch" for number in number)][-1]
    allowed = {served, under_way[1]} if under_way is not None and under_way[0] == "switch" else {served}
    with Pools(data) as pools:
        pool = pools.open("pool")
        snapshot = pool.snapshot()
        ids = snapshot.ids[snapshot.alive].tolist()
        held = stored(snapshot, {id: pool.image(id).content for id in ids})
        outcome = model if under_way is None else after(model, under_way)
        assert held in (state(model), state(outcome))
        model = outcome if held == state(outcome) else model
        model.check_all(pool, limit=None)
        serving = pool.serving()
        number = 1 if serving is None else serving.number
        assert number in allowed
        assert [each.number for each in pool.live()] == sorted({1, number})
    assert [finding for finding in inspect(data) if not finding.harmless] == []
    return Known(model, number)


@pytest.mark.parametrize("call", sorted(CALLS))
def test_dying_around_any_call_that_matters_leaves_a_right_pool(data, call):
    driver, known, deaths = Driver(data), Known(), 0
    try:
        for number, nth in enumerate((1, 2, 5)):
            for moment in ("before", "after"):
                done, under_way, end = driver.order(seed=100 * number + nth, at=f"{moment} {call}", nth=nth)
                known = check_recovery(data, known, done, under_way)
                assert end["died"] or end["code"] == 0
                deaths += end["died"]
    finally:
        driver.close()
    assert deaths >= 5
    with Pools(data) as pools:
        pool = pools.open("pool")
        pool.write([entry("last")])
        pool.seal()
        known.model.entries["last"] = entry("last")
        for version in pool.versions():
            pool.switch(version.number, recode_for(version))
            known.model.check_all(pool)
    assert not [finding for finding in inspect(data) if "manifest" in finding.detail]


def test_dying_at_any_time_leaves_a_right_pool(data):
    driver, known, chance, deaths = Driver(data), Known(), random.Random(7), 0
    try:
        for number in range(16):
            done, under_way, end = driver.order(seed=number, after_ms=chance.uniform(5, 250))
            known = check_recovery(data, known, done, under_way)
            deaths += end["died"]
    finally:
        driver.close()
    assert deaths >= 12


@pytest.mark.parametrize("call", ["fsync", "replace", "commit", "unlink"])
def test_dying_at_each_step_of_a_switch_leaves_the_old_version_or_the_new_one(data, tmp_path_factory, call):
    entries = [entry(id, image=image.encode(), domain="x") for id, image in zip(IDS, IMAGES, strict=False)]
    model = Model({each.id: each for each in entries})
    with Pools(data) as pools:
        pool = pools.open("pool")
        pool.write(entries[:5])
        pool.switch(3, recode_for(pool.versions()[2]))
        pool.write(entries[5:])
    driver, served, nth, alive = Driver(data), set(), 0, False
    try:
        while not alive:
            nth += 1
            for moment in ("before", "after"):
                copy = tmp_path_factory.mktemp("copy") / "data"
                shutil.copytree(data, copy)
                order = {"at": f"{moment} {call}", "nth": nth, "plan": [["switch", 2]], "data": str(copy)}
                done, under_way, end = driver.order(**order)
                served.add(check_recovery(copy, Known(model, 3), done, under_way).serving)
                alive = not end["died"]
                with Pools(copy) as pools:  # and the same again ends well
                    pool = pools.open("pool")
                    pool.switch(2, recode_for(pool.versions()[1]))
                    model.check_all(pool)
    finally:
        driver.close()
    assert served == {2, 3}
    assert nth > {"fsync": 8, "replace": 3, "commit": 2, "unlink": 1}[call]
