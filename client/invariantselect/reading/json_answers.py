"""Answers that come as JSON: the value under the key that the template or common usage names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["answer_key", "answers_in"]

_USUAL_KEYS = ("answer", "label", "class", "prediction", "choice", "final_answer")
_MOST_OBJECTS = 32
_decoder = json.JSONDecoder()


def answer_key(template: str) -> str | None:
    """The key that a template in JSON writes the answer under; None for any other template."""
    for found in _objects(template):
        for key, value in found.items():
            if isinstance(value, str) and ("{label}" in value or "{mark}" in value):
                return key
    return None


def answers_in(text: str, key: str | None) -> list[str]:
    """The answers of all JSON objects in a text, as text.

    Args:
        text: Whatever the model wrote; objects may stand in a fence or between sentences.
        key: Looked up before the usual keys (answer, label, class, prediction, choice), all in any case.
    """
    answers = []
    for found in _objects(text):
        values = {name.casefold(): value for name, value in found.items()}
        for name in ((key.casefold(),) if key else ()) + _USUAL_KEYS:
            if name in values:
                answers.append(_as_text(values[name]))
                break
    return answers


def _as_text(value: object) -> str:
    """A scalar as text, a list as the texts of its items; nothing for null and for objects."""
    if isinstance(value, list):
        return ", ".join(_as_text(item) for item in value if not isinstance(item, list))
    return str(value) if isinstance(value, str | int | float) else ""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    start = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if start < 0:
            return
        try:
            found, end = _decoder.raw_decode(text, start)
        except (ValueError, RecursionError):  # prose, or nested deeper than any answer
            end = start + 1
        else:
            if isinstance(found, dict):
                yield found
        start = text.find("{", end)
