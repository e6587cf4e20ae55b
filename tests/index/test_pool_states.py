"""Any sequence of writes, deletions, seals and reopenings leaves what a dictionary would hold."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from index import filling, kept_columns
from invariantselect.errors import JobCancelledError
from tests.catalogs import Pools, inspect
from tests.index.entries import (
    DIM,
    FINGERPRINT,
    SECOND,
    THIRD,
    add_version,
    entry,
    make_pool,
    recode_for,
    vector_of_image,
    with_domain,
)
from tests.index.model import Model

IDS = st.sampled_from([f"id/{number}" for number in range(12)])
IMAGES = st.sampled_from([f"image {number}".encode() for number in range(6)])  # few, so that scores tie
LABELS = st.sampled_from(["cat", "dog", "emu"])
MAYBE = st.sampled_from([None, "x", "y"])
METADATA = st.sampled_from([{}, {"k": 1}, {"k": None, "l": "ü"}])
ENTRIES = st.builds(
    lambda id, image, label, domain, group, metadata: entry(
        id, image, label=label, domain=domain, group=group, metadata=metadata
    ),
    IDS,
    IMAGES,
    LABELS,
    MAYBE,
    MAYBE,
    METADATA,
)
QUERIES = np.stack([vector_of_image(b"image 1"), np.eye(1, DIM, dtype=np.float32)[0]])


class PoolStates(RuleBasedStateMachine):
    """A pool beside a dictionary; one view follows step by step, one comes back late, and one opens afresh."""

    def __init__(self) -> None:
        super().__init__()
        self.data = Path(tempfile.mkdtemp())
        self.pool = make_pool(self.data, seal_at=25)
        self.late = Pools(self.data).open("pool")
        self.model = Model()
        self.kept = [(self.pool.snapshot(), Model())]

    @initialize(worth=st.sampled_from([1, 4, 1000]), share=st.sampled_from([0.0, 0.5]))
    def keep_columns_from(self, worth, share):
        kept_columns._WORTH_KEEPING, kept_columns._CHANGED_WORTH_WRITING = worth, share

    @rule(batch=st.lists(ENTRIES, min_size=1, max_size=8))
    def write(self, batch):
        held = dict(self.model.entries)
        for new, outcome in zip(batch, self.pool.write(batch), strict=True):
            old = held.get(new.id)
            if old is None:
                expected = "created"
            elif old.image != new.image:
                expected = "replaced"
            else:
                same = (old.label, old.domain, old.group, old.metadata) == (
                    new.label,
                    new.domain,
                    new.group,
                    new.metadata,
                )
                expected = "unchanged" if same else "updated"
            assert (outcome.id, outcome.status) == (new.id, expected)
            held[new.id] = new
        self.model.entries = held

    @rule(id=IDS, label=LABELS, domain=MAYBE)
    def patch(self, id, label, domain):
        (outcome,) = self.pool.patch({id: {"label": label, "domain": domain}}, vectors_for=recode_for)
        old = self.model.entries.get(id)
        if old is None:
            assert outcome.status == "failed"
        else:
            assert outcome.status in ("updated", "unchanged")
            self.model.entries[id] = replace(with_domain(old, domain), label=label)

    @rule(ids=st.lists(IDS, min_size=1, max_size=4, unique=True))
    def delete(self, ids):
        for id, outcome in zip(ids, self.pool.delete(ids), strict=True):
            assert outcome.status == ("deleted" if self.model.entries.pop(id, None) else "failed")

    @rule()
    def seal(self):
        version = self.pool.snapshot().version
        self.pool.seal()
        assert self.pool.snapshot().version == version

    @rule()
    def reopen(self):
        self.pool = Pools(self.data, seal_at=25).open("pool")

    @rule()
    def look_from_elsewhere(self):
        self.model.check_all(self.late)

    @rule()
    def keep_a_snapshot(self):
        self.kept.append((self.pool.snapshot(), Model(dict(self.model.entries))))

    @precondition(lambda self: self.model.entries)
    @rule()
    def rebuild(self):
        for version in self.pool.live():
            self.pool.rebuild(recode_for(version), version.number)

    @invariant()
    def the_present_snapshots_are_right(self):
        self.model.check_all(self.pool)

    def teardown(self):
        for snapshot, model in self.kept:
            model.check(snapshot, QUERIES)
        fresh = Pools(self.data).open("pool")
        self.model.check_all(fresh)
        assert fresh.snapshot().fingerprint == FINGERPRINT
        assert [finding for finding in inspect(self.data) if not finding.harmless] == []
        images = {path.read_bytes() for path in (self.data / "blobs").rglob("*") if path.is_file()}
        assert images == {each.image for each in self.model.entries.values()}
        shutil.rmtree(self.data)


class VersionStates(PoolStates):
    """The same while the pool's encoder versions are added, filled, stopped, switched to and retired."""

    @precondition(lambda self: len(self.pool.versions()) < 4)
    @rule(fingerprint=st.sampled_from([SECOND, THIRD]))
    def add(self, fingerprint):
        add_version(self.pool, fingerprint)

    @rule(data=st.data(), batches=st.integers(0, 4))
    def fill(self, data, batches):
        version = data.draw(st.sampled_from(self.pool.versions()))
        answers = iter([False] * batches)
        with suppress(JobCancelledError):
            self.pool.fill(version.number, recode_for(version), stop=lambda: next(answers, True))

    @rule(data=st.data())
    def switch(self, data):
        version = data.draw(st.sampled_from(self.pool.versions()))
        self.pool.switch(version.number, recode_for(version))
        serving = self.pool.serving()
        assert (1 if serving is None else serving.number) == version.number

    @rule(data=st.data())
    def retire(self, data):
        out_of_use = [version.number for version in self.pool.versions() if not version.live]
        if out_of_use:
            self.pool.retire(data.draw(st.sampled_from(out_of_use)))


SETTINGS = settings(
    max_examples=16,
    stateful_step_count=22,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PoolStates.TestCase.settings = SETTINGS
TestPoolStates = PoolStates.TestCase
VersionStates.TestCase.settings = settings(SETTINGS, max_examples=24)
TestVersionStates = VersionStates.TestCase


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(filling, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(filling, "_PART_ROWS", 4)
    monkeypatch.setattr(kept_columns, "_WORTH_KEEPING", kept_columns._WORTH_KEEPING)  # put back after the examples
    monkeypatch.setattr(kept_columns, "_CHANGED_WORTH_WRITING", kept_columns._CHANGED_WORTH_WRITING)
