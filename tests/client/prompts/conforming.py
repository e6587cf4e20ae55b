"""Strict checks of plain dicts against the vendors' TypedDicts.

pydantic validates an ``Iterable`` lazily and lets a TypedDict have extra keys; a wrong block deep in a message would
pass. Here every list is walked and every key must be declared.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from typing import Any

import typing_extensions as te


def complaints(value: Any, kind: Any, where: str = "$") -> list[str]:
    """What keeps `value` from being of type `kind`; empty when nothing does."""
    origin = te.get_origin(kind)
    if origin in (te.Required, te.NotRequired, te.Annotated):
        return complaints(value, te.get_args(kind)[0], where)
    if origin is typing.Union or isinstance(kind, types.UnionType):
        each = [complaints(value, option, where) for option in te.get_args(kind)]
        return [] if not all(each) else [f"{where}: no option fits: {min(each, key=len)}"]
    if origin in (typing.Literal, te.Literal):
        return [] if value in te.get_args(kind) else [f"{where}: {value!r} is none of {te.get_args(kind)}"]
    if te.is_typeddict(kind):
        return _of_typed_dict(value, kind, where)
    if origin in (list, collections.abc.Iterable, collections.abc.Sequence) or _is_sequence_protocol(origin):
        if not isinstance(value, list):
            return [f"{where}: not a list"]
        (item,) = te.get_args(kind)
        return [text for place, each in enumerate(value) for text in complaints(each, item, f"{where}[{place}]")]
    if origin is dict:
        return [] if isinstance(value, dict) else [f"{where}: not an object"]
    if kind is None or kind is type(None):
        return [] if value is None else [f"{where}: not null"]
    return (
        []
        if isinstance(kind, type) and kind in (str, int, float, bool) and type(value) is kind
        else [f"{where}: {type(value).__name__} is not {kind}"]
    )


def _is_sequence_protocol(origin: Any) -> bool:
    return getattr(origin, "__name__", "") == "SequenceNotStr"


def _required(kind: Any, fields: dict[str, Any]) -> set[str]:
    """Required keys; ``__required_keys__`` misses those whose annotations are kept as strings."""
    if kind.__total__:
        return {name for name, hint in fields.items() if te.get_origin(hint) is not te.NotRequired}
    return {name for name, hint in fields.items() if te.get_origin(hint) is te.Required} | set(kind.__required_keys__)


def _of_typed_dict(value: Any, kind: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: not an object"]
    fields = te.get_type_hints(kind, include_extras=True)
    found = [f"{where}: {name} is missing" for name in _required(kind, fields) - value.keys()]
    found += [f"{where}: {name} is not declared" for name in value.keys() - fields.keys()]
    for name in value.keys() & fields.keys():
        found += complaints(value[name], fields[name], f"{where}.{name}")
    return found
