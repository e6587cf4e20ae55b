"""`where`: which demonstrations a selection may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool

from index.metadata import comparable_text
from index.selection.searchable import Column, Searchable
from invariantselect.errors import InvalidFilterError

__all__ = ["allowed"]

Test: TypeAlias = Callable[[str | None], bool]

_METADATA = "metadata."
_OPERATORS = ("eq", "in", "not")


def allowed(snapshot: Searchable, where: Mapping[str, object]) -> Bool[np.ndarray, " size"]:
    """Mask of the living demonstrations for which every condition holds.

    Equality is JSON's: 1 equals 1.0, but neither true nor "1". A missing value equals null.

    Args:
        snapshot: The pool.
        where: Field → scalar, or field → {"eq": scalar, "in": [scalars], "not": scalar or [scalars]}. Fields are
            ``label``, ``domain``, ``group`` and ``metadata.<key>``. All fields and all operators must hold.

    Raises:
        InvalidFilterError: An unknown field or operator, or a value of the wrong type; the detail names it.
    """
    tests = {field: _test(field, condition) for field, condition in where.items()}
    mask = snapshot.alive.copy()
    columns = {"label": snapshot.labels, "domain": snapshot.domains, "group": snapshot.groups}
    for field in [field for field in tests if field in columns]:
        test = tests.pop(field)
        mask &= _passes(columns[field], [test(comparable_text(value)) for value in columns[field].values], test)
    for field, test in tests.items():
        positions = np.flatnonzero(mask)
        column = snapshot.metadata.at(field.removeprefix(_METADATA), positions)
        mask[positions] = _passes(column, list(map(test, column.values)), test)
    return mask


def _passes(column: Column, values: list[bool], test: Test) -> Bool[np.ndarray, " size"]:
    # One answer a distinct value, and a last one for code −1, which indexes from the end.
    answers = np.array([*values, test(None)], dtype=np.bool_)
    passes: Bool[np.ndarray, " size"] = answers[column.codes]
    return passes


def _test(field: str, condition: object) -> Test:
    """What one field's value must pass, as a function of its token."""
    if field not in ("label", "domain", "group") and not (field.startswith(_METADATA) and field != _METADATA):
        raise InvalidFilterError(f"where names the unknown field {field!r}", field=field)
    if isinstance(condition, list):
        raise InvalidFilterError(
            f"where {field!r} is a bare list", hint='Write {"in": [...]} to take any of several values.', field=field
        )
    if not isinstance(condition, dict):
        return _operator(field, "eq", condition)
    if not condition:
        raise InvalidFilterError(f"where {field!r} names no operator", field=field)
    tests = [_operator(field, operator, value) for operator, value in condition.items()]
    return lambda token: all(test(token) for test in tests)


def _operator(field: str, operator: str, value: object) -> Test:
    if operator not in _OPERATORS:
        raise InvalidFilterError(
            f"where {field!r} uses the unknown operator {operator!r}", field=field, operator=operator
        )
    if operator != "not" and isinstance(value, list) != (operator == "in"):
        wants = "a list" if operator == "in" else "a single value"
        raise InvalidFilterError(f"where {field!r}: {operator!r} takes {wants}", field=field, operator=operator)
    values: Sequence[object] = value if isinstance(value, list) else [value]
    tokens = frozenset(_scalar_token(field, operator, each) for each in values)
    return (lambda token: token not in tokens) if operator == "not" else (lambda token: token in tokens)


def _scalar_token(field: str, operator: str, value: object) -> str | None:
    if value is None or isinstance(value, (str, int, float)):
        return comparable_text(value)
    raise InvalidFilterError(
        f"where {field!r}: {operator!r} compares with {type(value).__name__}, which is not a JSON scalar",
        field=field,
        operator=operator,
    )
