"""``--where`` as it is typed becomes the ``where`` of the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import BadParameter

from service.cli.where import parse_where


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ([], {}),
        (["label=cat"], {"label": "cat"}),
        (["label = cat"], {"label": "cat"}),
        (["label=cat,dog"], {"label": {"in": ["cat", "dog"]}}),
        (["domain!=sketch"], {"domain": {"not": "sketch"}}),
        (["domain!=sketch,photo"], {"domain": {"not": ["sketch", "photo"]}}),
        (["domain!=sketch", "domain!=photo"], {"domain": {"not": ["sketch", "photo"]}}),
        (["label=cat,dog", "label!=dog"], {"label": {"in": ["cat", "dog"], "not": "dog"}}),
        (["label=cat", "label!=dog"], {"label": {"eq": "cat", "not": "dog"}}),
        (["group=null"], {"group": None}),
        (["label=54"], {"label": "54"}),
        (["metadata.age=54"], {"metadata.age": 54}),
        (["metadata.age=54.5,x"], {"metadata.age": {"in": [54.5, "x"]}}),
        (["metadata.seen=true"], {"metadata.seen": True}),
        (['metadata.age="54"'], {"metadata.age": "54"}),
        (["metadata.note=NaN"], {"metadata.note": "NaN"}),
        (["metadata.note=[1]"], {"metadata.note": "[1]"}),
        (["label="], {"label": ""}),
        (["label=a=b"], {"label": "a=b"}),
        (['{"label": "a,b", "domain": {"not": "x"}}'], {"label": "a,b", "domain": {"not": "x"}}),
        (['{"label": {"in": ["a"]}}', "label!=b"], {"label": {"in": ["a"], "not": "b"}}),
    ],
)
def test_conditions_are_read(typed: list[str], expected: dict[str, object]) -> None:
    assert parse_where(typed) == expected


@pytest.mark.parametrize("typed", [["cat"], ["=cat"], ["!=cat"], ["{"], ["{]"], [""]])
def test_what_is_no_condition_is_refused(typed: list[str]) -> None:
    with pytest.raises(BadParameter):
        parse_where(typed)


@pytest.mark.parametrize(
    "typed", [["label=a", "label=b"], ['{"label": {"not": "a"}}', "label!=b"], ["label=a", '{"label": "b"}']]
)
def test_a_field_that_is_asked_for_twice_is_refused_not_overwritten(typed: list[str]) -> None:
    with pytest.raises(BadParameter, match="label"):
        parse_where(typed)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(min_size=1), scalars | st.fixed_dictionaries({"in": st.lists(scalars)}), max_size=4))
def test_every_filter_of_the_wire_can_be_typed_as_json(where: dict[str, object]) -> None:
    assert parse_where([json.dumps(where)]) == where
