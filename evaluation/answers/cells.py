"""An answer as the cells of a row, and back: texts as they are, nothing as an empty cell, lists as JSON.

A text that a spreadsheet would take for a formula has an apostrophe before it, as has one that begins with one:
ids and labels come from manifests, and those from anywhere. (OWASP, CSV Injection,
https://owasp.org/www-community/attacks/CSV_Injection.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from evaluation.answers.answered import Answered
from invariantselect.errors import AnswersInvalidError

__all__ = ["COLUMNS", "from_values", "read_cells", "to_cells", "to_values"]

COLUMNS = tuple(field.name for field in fields(Answered))
_OPTIONAL = frozenset({"domain", "group", "answer"})
_NUMBERS: Mapping[str, type[int] | type[float]] = {
    "shots": int,
    "confidence": float,
    "barred_group": int,
    "barred_content": int,
    "barred_near_duplicate": int,
}
_LISTS: Mapping[str, tuple[type, ...]] = {
    "demonstrations": (str,),
    "labels": (str,),
    "domains": (str, type(None)),
    "scores": (float,),
}
# With a sign, a number alone is none: labels may be -1 and +1.
_FORMULA = re.compile(r"['=@\t\r]|[+-](?![0-9]+(\.[0-9]+)?\Z)")
_TEXTS = frozenset(COLUMNS) - _OPTIONAL - _NUMBERS.keys() - _LISTS.keys() - {"raw"}


def to_cells(answered: Answered) -> list[str]:
    """The cells of an answer, in the order of `COLUMNS`.

    What a model said stands as a JSON string: it may be empty, which isn't nothing, and may hold line breaks.
    """
    return [_written(name, getattr(answered, name)) for name in COLUMNS]


def read_cells(cells: Mapping[str, str]) -> Answered:
    """The answer whose cells these are, by column.

    Raises:
        AnswersInvalidError: A column is missing, or holds what can't be read.
    """
    try:
        return from_values({name: _read(name, cells[name]) for name in COLUMNS})
    except (KeyError, ValueError, TypeError) as error:
        raise AnswersInvalidError(f"a row can't be read: {type(error).__name__} {error}") from error


def to_values(answered: Answered) -> dict[str, Any]:
    """An answer as JSON values."""
    return {name: getattr(answered, name) for name in COLUMNS}


def from_values(values: Mapping[str, Any]) -> Answered:
    """The answer whose JSON values these are.

    Raises:
        AnswersInvalidError: A value is missing, too many, or of the wrong type.
    """
    if values.keys() != set(COLUMNS):
        raise AnswersInvalidError(f"an answer has the columns {', '.join(COLUMNS)}, not {', '.join(values)}")
    for name, value in values.items():
        if not _fits(name, value):
            raise AnswersInvalidError(f"{name} can't be {value!r}")
    listed = {name: tuple(values[name]) for name in _LISTS}
    return Answered(**{**values, **listed})


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _LISTS or name == "raw":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    return repr(value) if isinstance(value, float) else str(value)


def _read(name: str, cell: str) -> Any:
    if name in _NUMBERS:
        return _NUMBERS[name](cell)
    if name in _LISTS:
        return json.loads(cell)
    if name == "raw":
        return json.loads(cell) if cell else None
    return None if name in _OPTIONAL and not cell else cell.removeprefix("'")


def _fits(name: str, value: Any) -> bool:
    if name in _NUMBERS:
        return type(value) is _NUMBERS[name]  # true is no 1
    if name in _LISTS:
        return isinstance(value, list | tuple) and all(isinstance(each, _LISTS[name]) for each in value)
    if name in _TEXTS:
        return isinstance(value, str) and value != ""
    return value is None or (isinstance(value, str) and (name == "raw" or value != ""))
