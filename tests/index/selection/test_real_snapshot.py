"""Selection over the real storage: segments, tail and tombstones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from encoders.decode import ImageHeader
from index.demonstration import Entry
from index.pools import Pools
from index.selection.query import stored_query
from index.selection.searchable import Searchable
from index.selection.select import Chosen, select
from index.snapshot import Snapshot
from invariantselect.wire.options import Diversity, Exclusions, SelectionOptions
from tests.index.selection.memory_pool import Record, Shape, random_query, random_records
from tests.index.selection.reference import reference

SHAPE = Shape(size=1500, palette=700, labels=7, domains=4, groups=60, hashes=400, dead=0.2)
HEADER = ImageHeader(format="PNG", media_type="image/png", width=8, height=8)
FINGERPRINT = "e" * 64
OPTIONS = [
    SelectionOptions(),
    SelectionOptions(k=20, where={"domain": {"not": "domain2"}, "metadata.a": {"not": None}}, order="interleaved"),
    SelectionOptions(strategy="random", seed=5, label_balance="even", max_per_group=1, order="shuffled"),
    SelectionOptions(label_balance="even", max_per_group=1, exclude=Exclusions(own_group=True)),
    SelectionOptions(label_balance="cover", exclude=Exclusions(near_duplicates_above=0.9), max_per_domain=3),
    SelectionOptions(diversity=Diversity(method="mmr", lambda_=0.5)),
    SelectionOptions(diversity=Diversity(method="dpp", candidates=20), label_balance="even", k=10),
    SelectionOptions(k=50, max_per_group=1),
]


def entry(record: Record) -> Entry:
    return Entry(
        id=record.id,
        image=record.sha256.encode(),
        header=HEADER,
        label=record.label,
        domain=record.domain,
        group=record.group,
        metadata=record.metadata,
        vectors={FINGERPRINT: np.array(record.vector, dtype=np.float32)},
    )


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return random_records(SHAPE, seed=11)


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pools]:
    with Pools(tmp_path_factory.mktemp("pools"), seal_at=10**6) as pools:
        yield pools


@pytest.fixture(scope="module")
def before(pools: Pools, records: list[Record]) -> Snapshot:
    """A segment, a tail, and dead rows in both."""
    pool = pools.create("p", "fake", FINGERPRINT, SHAPE.dim)
    pool.write([entry(record) for record in records[:1000]])
    pool.seal()
    pool.write([entry(record) for record in records[1000:]])
    pool.delete([record.id for record in records if not record.alive])
    return pool.snapshot()


@pytest.fixture(scope="module")
def after(pools: Pools, before: Snapshot) -> Snapshot:
    """The same, sealed, without the dead rows."""
    pool = pools.open("p")
    pool.seal()
    # A write makes the pool look at its new segments.
    (id,) = before.ids[before.alive][:1]
    pool.patch({id: {"label": "for a moment"}})
    pool.patch({id: {"label": before.demonstration(before.position_of(id)).label}})
    return pool.snapshot()


def as_stored(snapshot: Snapshot, records: list[Record]) -> list[Record]:
    """The records with the rows and hashes that the pool gave them."""
    places = {record.id: snapshot.position_of(record.id) for record in records if record.alive}
    return [
        Record(
            record.id,
            int(snapshot.rows[places[record.id]]),
            record.vector,
            record.label,
            record.domain,
            record.group,
            snapshot.sha256[places[record.id]].decode(),
            record.metadata,
        )
        for record in records
        if record.alive
    ]


def answer(snapshot: Snapshot, chosen: Chosen) -> tuple[list[tuple[str, float, int]], int]:
    ids = snapshot.ids[chosen.positions].tolist()
    return list(zip(ids, chosen.scores.tolist(), chosen.ranks.tolist(), strict=True)), chosen.shortfall


def test_a_snapshot_is_searchable(before: Snapshot) -> None:
    assert isinstance(before, Searchable)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_real_pool_answers_as_the_reference_before_and_after_sealing(
    before: Snapshot, after: Snapshot, records: list[Record], options: SelectionOptions
) -> None:
    assert after.generation > before.generation
    assert after.size < before.size
    stored = as_stored(before, records)
    queries = [random_query(stored, SHAPE.dim, seed) for seed in range(5)]
    expected = [reference(stored, query, options) for query in queries]
    assert [answer(before, chosen) for chosen in select(before, queries, options)] == expected
    assert [answer(after, chosen) for chosen in select(after, queries, options)] == expected


def test_a_relabelled_demonstration_keeps_its_place_in_a_random_order(pools: Pools) -> None:
    pool = pools.create("relabelled", "fake", FINGERPRINT, SHAPE.dim)
    pool.write([entry(record) for record in random_records(SHAPE, seed=2)[:60]])
    options = SelectionOptions(strategy="random", k=20, order="shuffled")
    before = pool.snapshot()
    query = stored_query(before, 0)
    (first,) = select(before, [query], options)
    chosen = before.ids[first.positions].tolist()
    pool.patch({id: {"label": "another", "domain": None} for id in chosen[::2]})
    after = pool.snapshot()
    (second,) = select(after, [query], options)
    assert after.ids[second.positions].tolist() == chosen
