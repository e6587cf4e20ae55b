"""What a key of the metadata says at each position, carried over from one snapshot to the next."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index import metadata_column
from index.metadata import comparable_text
from index.metadata_column import MetadataColumn
from tests.index.entries import entry, make_pool

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -0.0, 1e300, "1", "", "true"])
MAPPINGS = st.dictionaries(st.sampled_from("abc"), SCALARS, max_size=3)


def column_of(mappings):
    array = np.empty(len(mappings), dtype=object)
    array[:] = mappings
    return MetadataColumn(array)


def said(column, key):
    found = column._whole(key)
    return [None if code < 0 else found.values[code] for code in found.codes.tolist()]


@given(SCALARS, SCALARS)
def test_texts_are_equal_where_json_values_are(one, other):
    def kind(value):
        return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)

    assert (comparable_text(one) == comparable_text(other)) == (kind(one) == kind(other) and one == other)


def test_numbers_too_large_for_a_float_are_told_apart():
    texts = {
        comparable_text(json.loads(each)) for each in ("9007199254740992", "9007199254740993", "9007199254740992.0")
    }
    assert len(texts) == 2


@given(st.lists(MAPPINGS, min_size=1, max_size=9), st.lists(MAPPINGS, max_size=4), st.data())
def test_what_is_carried_over_is_what_would_be_made_anew(mappings, more, data):
    column = column_of(mappings)
    expected = list(mappings)
    for _ in range(data.draw(st.integers(1, 5))):
        for key in data.draw(st.sets(st.sampled_from("abc"))):
            column._whole(key)
        match data.draw(st.sampled_from(["overwritten", "taken", "joined"])):
            case "joined":
                column, expected = MetadataColumn.joined([column, column_of(more)]), expected + more
            case "taken":
                sources = data.draw(st.lists(st.integers(-1, len(expected) - 1), min_size=1, max_size=9))
                column = column.taken(np.array(sources, dtype=np.int64))
                expected = [{} if source < 0 else expected[source] for source in sources]
            case _:
                positions = sorted(data.draw(st.sets(st.integers(0, len(expected) - 1), max_size=len(more))))
                column = column.overwritten(np.array(positions, np.int64), column_of(more[: len(positions)]))
                for position, mapping in zip(positions, more, strict=False):
                    expected[position] = mapping
    assert column.mappings.tolist() == expected
    for key in "abc":
        positions = np.array(sorted(data.draw(st.sets(st.integers(0, len(expected) - 1)))), np.int64)
        found = column.at(key, positions)
        told = [None if code < 0 else found.values[code] for code in found.codes.tolist()]
        assert told == [comparable_text(expected[position].get(key)) for position in positions.tolist()]
        assert said(column, key) == [comparable_text(mapping.get(key)) for mapping in expected]


def test_few_keys_are_remembered_the_latest():
    column = column_of([{"a": 1}])
    for number in range(50):
        column._whole(f"key {number}")
    assert list(column._by_key) == [f"key {number}" for number in range(42, 50)]


def test_values_that_no_position_has_any_more_are_forgotten(monkeypatch):
    monkeypatch.setattr(metadata_column, "_MOST_VALUES", 10)
    column = column_of([{"seen": 0}, {}])
    for number in range(1, 100):
        assert said(column, "seen")[0] == str(number - 1)
        column = column.overwritten(np.array([0]), column_of([{"seen": number}]))
        assert all(len(known.values) <= 11 for known in column._by_key.values())


def test_a_pool_goes_on_with_what_it_knows(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry(str(number), metadata={"age": number % 3}) for number in range(20)])
    assert said(pool.snapshot().metadata, "age")[:4] == ["0", "1", "2", "0"]
    pool.write([entry("20", metadata={"age": "old"}), entry("3", metadata={"age": 7})])
    pool.delete(["0"])
    snapshot = pool.snapshot()
    assert list(snapshot.metadata._by_key) == ["age"]
    told = {snapshot.ids[at]: said(snapshot.metadata, "age")[at] for at in np.flatnonzero(snapshot.alive)}
    assert told == {**{str(each): str(each % 3) for each in range(1, 20)}, "3": "7", "20": '"old'}


def test_few_positions_are_looked_at_alone():
    column = column_of([{"slide": number} for number in range(800)])
    assert column.at("slide", np.arange(50, 60)).values == tuple(map(str, range(50, 60)))
    assert not column._by_key
    column.at("slide", np.arange(100))
    assert list(column._by_key) == ["slide"]
    assert len(column.at("slide", np.arange(10)).values) == 10  # and not the test of 800 values


def test_values_of_few_keys_are_held_where_each_says_something_else_everywhere(monkeypatch):
    monkeypatch.setattr(metadata_column, "_MOST_VALUES", 10)
    column = column_of([{"uid": number, "slide": -number, "site": number % 3} for number in range(100)])
    for key in ("site", "uid", "slide"):
        assert said(column, key)[1] == str({"uid": 1, "slide": -1, "site": 1}[key])
    assert list(column._by_key) == ["slide"]
    said(column, "site")
    assert list(column._by_key) == ["slide", "site"]
