from __future__ import annotations

import pytest

from index.selection.filter import allowed
from invariantselect.errors import InvalidFilterError
from tests.index.selection.memory_pool import MemoryPool, Record

RECORDS = [
    Record("whole", 0, (1.0,), "cat", "photo", "p1", metadata={"age": 1, "a.b": "x"}),
    Record("float", 1, (1.0,), "cat", "photo", None, metadata={"age": 1.0}),
    Record("true", 2, (1.0,), "dog", None, "p1", metadata={"age": True}),
    Record("text", 3, (1.0,), "dog", "sketch", "p2", metadata={"age": "1"}),
    Record("null", 4, (1.0,), "dog", "sketch", "p2", metadata={"age": None}),
    Record("missing", 5, (1.0,), "emu", "cartoon", "p3"),
    Record("dead", 6, (1.0,), "cat", "photo", "p1", metadata={"age": 1}, alive=False),
]


def passing(where: dict[str, object]) -> list[str]:
    pool = MemoryPool(RECORDS, 1)
    return pool.ids[allowed(pool, where)].tolist()


def test_no_condition_passes_everything_that_lives() -> None:
    assert passing({}) == ["whole", "float", "true", "text", "null", "missing"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"metadata.age": 1}, ["whole", "float"]),
        ({"metadata.age": 1.0}, ["whole", "float"]),
        ({"metadata.age": True}, ["true"]),
        ({"metadata.age": "1"}, ["text"]),
        ({"metadata.age": None}, ["null", "missing"]),
        ({"metadata.age": {"not": None}}, ["whole", "float", "true", "text"]),
        ({"metadata.age": {"not": [1, None]}}, ["true", "text"]),
        ({"metadata.age": {"in": [True, "1"]}}, ["true", "text"]),
        ({"metadata.age": {"in": []}}, []),
        ({"metadata.age": {"not": []}}, ["whole", "float", "true", "text", "null", "missing"]),
        ({"metadata.a.b": "x"}, ["whole"]),
        ({"domain": None}, ["true"]),
        ({"domain": {"not": "sketch"}}, ["whole", "float", "true", "missing"]),
        ({"group": {"not": ["p1", "p2"]}}, ["float", "missing"]),
        ({"label": {"in": ["cat", "dog"], "not": "cat"}}, ["true", "text", "null"]),
        ({"label": {"eq": "dog"}, "domain": "sketch", "group": "p2"}, ["text", "null"]),
        ({"label": 1}, []),
        ({"label": "nowhere"}, []),
    ],
)
def test_conditions_pass_what_json_calls_equal(where: dict[str, object], expected: list[str]) -> None:
    assert passing(where) == expected


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({"lable": "cat"}, "'lable'"),
        ({"metadata": {"eq": 1}}, "'metadata'"),
        ({"metadata.": 1}, "'metadata.'"),
        ({"label": {"equals": "cat"}}, "'equals'"),
        ({"label": {}}, "no operator"),
        ({"label": ["cat"]}, "bare list"),
        ({"label": {"eq": ["cat"]}}, "'eq' takes a single value"),
        ({"label": {"in": "cat"}}, "'in' takes a list"),
        ({"label": {"in": [["cat"]]}}, "not a JSON scalar"),
        ({"label": {"not": {"eq": "cat"}}}, "not a JSON scalar"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_by_name(where: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidFilterError, match=named):
        passing(where)


def test_a_filter_is_checked_where_the_pool_is_empty_too() -> None:
    with pytest.raises(InvalidFilterError):
        allowed(MemoryPool([], 1), {"metadata.age": {"over": 1}})
