"""Any sequence of writes, deletions, seals and reopenings leaves what a dictionary would hold."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from index.inspection import inspect
from index.pools import Pools
from tests.index.entries import DIM, FINGERPRINT, entry, make_pool, vector_of_image
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
        (outcome,) = self.pool.patch({id: {"label": label, "domain": domain}})
        old = self.model.entries.get(id)
        if old is None:
            assert outcome.status == "failed"
        else:
            assert outcome.status in ("updated", "unchanged")
            self.model.entries[id] = replace(old, label=label, domain=domain)

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
        self.model.check(self.late.snapshot(), QUERIES)

    @rule()
    def keep_a_snapshot(self):
        self.kept.append((self.pool.snapshot(), Model(dict(self.model.entries))))

    @precondition(lambda self: self.model.entries)
    @rule()
    def rebuild(self):
        self.pool.rebuild(lambda given: np.stack([vector_of_image(image) for image in given.images()]))

    @invariant()
    def the_present_snapshot_is_right(self):
        self.model.check(self.pool.snapshot(), QUERIES)

    def teardown(self):
        for snapshot, model in self.kept:
            model.check(snapshot, QUERIES)
        fresh = Pools(self.data).open("pool").snapshot()
        self.model.check(fresh, QUERIES)
        assert fresh.fingerprint == FINGERPRINT
        assert [finding for finding in inspect(self.data) if not finding.harmless] == []
        images = {path.read_bytes() for path in (self.data / "blobs").rglob("*") if path.is_file()}
        assert images == {each.image for each in self.model.entries.values()}
        shutil.rmtree(self.data)


PoolStates.TestCase.settings = settings(
    max_examples=16,
    stateful_step_count=22,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestPoolStates = PoolStates.TestCase
