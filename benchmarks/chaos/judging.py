"""After a round: what must be stored is stored once, every answer is right by brute force, every job has ended."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.operating import HandedIn
from benchmarks.chaos.pictures import DOMAINS, LABELS, POOL, Pictures
from benchmarks.chaos.worlds import Contradiction, State
from benchmarks.chaos.writer import Writer, held
from encoders.catalog import load_encoder
from encoders.decode import decode
from encoders.encoder import Encoder
from index.inspection import inspect
from index.pools import Pools
from invariantselect import Client, ImageQuery
from invariantselect.errors import InvariantSelectError
from invariantselect.wire.jobs import Job
from tests.service.adaptable import check_vectors

__all__ = ["Judge"]

_TOLERANCE = 1e-4
_STATED = {"job_abandoned": 4, "catalog_unavailable": 4}
"""Why a job may fail, and in which attempt at the earliest. Any other reason is a finding."""
_OF_OUTAGES = ("catalog_lost", "audit_not_finished")
"""Events that the log of a server may call errors where PostgreSQL is killed."""


class Judge:
    """Compares a round's data directory and answers with what was acknowledged, and writes down what is wrong.

    Args:
        data: The data directory.
        database_url: Of its catalog, where that is in PostgreSQL.
        pictures: What was sent.
        ledger: Where findings go.
    """

    def __init__(self, data: Path, database_url: str | None, pictures: Pictures, ledger: Ledger) -> None:
        self._data = data
        self._database_url = database_url
        self._pictures = pictures
        self._ledger = ledger
        self._chance = random.Random(data.as_posix())

    def jobs(self, jobs: Sequence[Job], handed_in: Sequence[HandedIn]) -> None:
        """Each job that was acknowledged is there once and has ended, for a reason that can be stated."""
        known = {job.id: job for job in handed_in if job.id is not None}
        for id in known.keys() - {job.id for job in jobs}:
            self._ledger.finding(f"the job {id} is lost")
        most = len(known) + sum(job.id is None and job.may_exist for job in handed_in)
        if len(jobs) > most:
            self._ledger.finding(f"there are {len(jobs)} jobs and at most {most} were asked for")
        for job in jobs:
            self._ledger.count(f"jobs {job.state}")
            for _ in range(1, job.attempt):
                self._ledger.count("takeovers")
            asked = known.get(job.id)
            if not job.finished:
                self._ledger.finding(f"the job {job.id} ({job.kind}) doesn't end: {job.state}, {job.progress}")
            if job.state == "failed" and job.attempt < _STATED.get((job.error or {})["code"], 1000):
                self._ledger.finding(f"the job {job.id} ({job.kind}) failed: {job.error}")
            if job.state == "cancelled" and not (asked is not None and asked.cancelled):
                self._ledger.finding(f"nobody has cancelled the job {job.id}")

    def contents(self, client: Client, writers: Sequence[Writer], handed_in: Sequence[HandedIn]) -> State:
        """Nothing acknowledged is lost, nothing is doubled or came from nowhere; what is stored."""
        listed = list(client.iterate(POOL, page_size=50))
        found = {each.id: held(each) for each in listed}
        if len(found) < len(listed):
            self._ledger.finding(f"{len(listed) - len(found)} demonstrations are listed twice")
        if (count := client.pool(POOL).demonstrations) != len(listed):
            self._ledger.finding(f"the pool says that it has {count} demonstrations, and lists {len(listed)}")
        left = dict(found)
        for writer in writers:
            try:
                writer.worlds.observed({id: left.pop(id) for id in writer.ids if id in left})
            except Contradiction as wrong:
                self._ledger.finding(f"{writer.name}: {wrong}")
        for job in handed_in:
            taken = {id: left.pop(id) for id in job.imports if id in left}
            ended_well = job.id is not None and client.job(job.id).state == "succeeded"
            self._import(job, taken, ended_well=ended_well)
        if left:
            self._ledger.finding(f"nobody has stored {sorted(left)[:5]}")
        return found

    def _import(self, job: HandedIn, taken: State, *, ended_well: bool) -> None:
        if any(taken[id] != job.imports[id] for id in taken):
            self._ledger.finding(f"the import {job.id} stored something else than was in its folder")
        if ended_well and len(taken) < len(job.imports):
            self._ledger.finding(
                f"the import {job.id} succeeded and {len(job.imports) - len(taken)} images are missing"
            )
        if taken and job.id is None and not job.may_exist:
            self._ledger.finding("an import that never reached the service took images in")

    def answers(self, client: Client, stored: State) -> None:
        """Selections in each space agree with brute force over what is stored, and images are what was sent."""
        pool = client.pool(POOL)
        spaces = {"topk_nearest": 1, "invariant_select": pool.serving_version}
        for id in self._chance.sample(sorted(stored), min(10, len(stored))):
            if client.image(POOL, id) != self._pictures.content(stored[id].sha256):
                self._ledger.finding(f"{id} has another image than was sent")
        for strategy, number in spaces.items():
            if number is None:
                continue
            name = next(version.encoder for version in pool.encoder_versions if version.number == number)
            encoder = load_encoder(name, store=self._data / "encoders", device="cpu", runtime="torch")
            for k, where in ((5, {}), (5, {"label": self._chance.choice(LABELS)}), (200, {})):
                for problem in self._selection(client, encoder, stored, {"strategy": strategy, "k": k, "where": where}):
                    self._ledger.finding(f"{strategy} in the space of version {number}, k {k}: {problem}")
                self._ledger.count("selections compared with brute force")

    def _selection(self, client: Client, encoder: Encoder, stored: State, options: Mapping[str, Any]) -> list[str]:
        domain, label = self._chance.choice(DOMAINS), self._chance.choice(LABELS)
        query = self._pictures.query(domain, label, self._chance)
        wanted = options["where"].get("label")
        allowed = {id: each for id, each in stored.items() if wanted in (None, each.label)}
        answer = client.select(POOL, ImageQuery(query, domain=domain), images=False, **options)
        images = [decode(query), *(decode(self._pictures.content(each.sha256)) for each in allowed.values())]
        vectors = encoder.encode(images, [domain, *(each.domain for each in allowed.values())]).astype(np.float64)
        scores = dict(zip(allowed, (vectors[1:] @ vectors[0]).tolist(), strict=True))
        return _differences({each.id: each.score for each in answer.demonstrations}, scores, options["k"])

    def files(self) -> None:
        """With every process killed: `doctor` finds nothing, and each stored vector is what its encoder makes."""
        for finding in inspect(self._data, self._database_url):
            if finding.harmless:
                self._ledger.count("leftovers that doctor calls harmless")
            else:
                self._ledger.finding(f"doctor: {finding.detail}")
        try:
            with Pools(self._data, database_url=self._database_url) as pools:
                check_vectors(pools.open(POOL), self._data)
        except (InvariantSelectError, AssertionError) as error:
            self._ledger.finding(f"after a restart: {type(error).__name__}: {error}")

    def log(self, log: Path) -> None:
        """Nothing that a process wrote speaks of a defect."""
        for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
            if self._database_url is not None and any(f'"event": "{each}"' in line for each in _OF_OUTAGES):
                continue
            if '"level": "error"' in line or line.startswith("Traceback"):
                self._ledger.finding(f"{log.name}: {line[:300]}")


def _differences(chosen: Mapping[str, float], scores: Mapping[str, float], k: int) -> list[str]:
    """What is wrong with a selection, given the scores of all that could have been chosen."""
    wrong = [f"{id} isn't stored, or not so" for id in chosen if id not in scores]
    for id, score in scores.items():
        if id in chosen and abs(chosen[id] - score) > _TOLERANCE:
            wrong.append(f"{id} scores {chosen[id]}, not {score}")
        if id not in chosen and score > min(chosen.values(), default=-1.0) + _TOLERANCE:
            wrong.append(f"{id} scores {score} and wasn't chosen")
    if len(chosen) != min(k, len(scores)):
        wrong.append(f"{len(chosen)} were chosen of {len(scores)}")
    return wrong
