"""``--where`` as it is typed: ``domain!=sketch``, ``label=cat,dog``, ``metadata.age=54``, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pydantic import JsonValue
from typer import BadParameter

__all__ = ["parse_where"]

_CONDITION = re.compile(r"\s*(?P<field>[^=!\s][^=!]*?)\s*(?P<operator>!?=)(?P<values>.*)", re.DOTALL)


def parse_where(conditions: Iterable[str]) -> dict[str, JsonValue]:
    """The ``where`` of a selection; all conditions must hold.

    ``field=a`` asks for a value, ``field=a,b`` for one of several, ``field!=a,b`` for none of them; ``null`` stands
    for a missing value. Values of ``metadata.*`` are read as JSON where they are numbers, true or false, and as text
    otherwise. Text that contains ``=``, ``!`` or a comma is written as JSON: ``{"label": "a,b"}``.

    Raises:
        BadParameter: A condition that is none of these, or a field that is asked for twice.
    """
    wanted: dict[str, JsonValue] = {}
    unwanted: dict[str, list[JsonValue]] = {}
    for condition in conditions:
        if condition.lstrip().startswith("{"):
            parts = _read_json(condition)
        else:
            field, operator, values = _read_condition(condition)
            if operator == "!=":
                unwanted.setdefault(field, []).extend(values)
                continue
            parts = {field: values[0] if len(values) == 1 else {"in": values}}
        for field, part in parts.items():
            if field in wanted:
                raise BadParameter(f"{field} is asked for twice; write {field}=a,b for one of several.")
            wanted[field] = part
    return {field: _merge(field, wanted, unwanted) for field in [*wanted, *(f for f in unwanted if f not in wanted)]}


def _merge(field: str, wanted: dict[str, JsonValue], unwanted: dict[str, list[JsonValue]]) -> JsonValue:
    if field not in unwanted:
        return wanted[field]
    none_of: dict[str, JsonValue] = {"not": unwanted[field][0] if len(unwanted[field]) == 1 else list(unwanted[field])}
    if field not in wanted:
        return none_of
    part = wanted[field]
    one_of = part if isinstance(part, dict) else {"eq": part}
    if "not" in one_of:
        raise BadParameter(f"{field} is excluded twice; write it once.")
    return {**one_of, **none_of}


def _read_condition(condition: str) -> tuple[str, str, list[JsonValue]]:
    found = _CONDITION.fullmatch(condition)
    if found is None:
        raise BadParameter(f"{condition!r} is not FIELD=VALUE, FIELD!=VALUE or a JSON object.")
    field = found["field"]
    return field, found["operator"], [_read_value(field, value.strip()) for value in found["values"].split(",")]


def _read_value(field: str, text: str) -> JsonValue:
    if text == "null":
        return None
    if field.startswith("metadata."):
        try:
            value: JsonValue = json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            return text
        return text if isinstance(value, dict | list) else value
    return text


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are no JSON, whatever Python's reader thinks."""
    raise ValueError(name)


def _read_json(text: str) -> dict[str, JsonValue]:
    try:
        value = json.loads(text)
    except ValueError as broken:
        raise BadParameter(f"{text!r} is not valid JSON: {broken}.") from broken
    if not isinstance(value, dict):
        raise BadParameter(f"{text!r} is not a JSON object.")
    return value
