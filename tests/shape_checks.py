"""Checks every call within our rooms against its annotations, shapes of arrays included, at a price a test run can pay.

jaxtyping's hook compiles two functions for each function of a module that is imported, checks a call's arguments twice
and binds them to names, arrays or not. Here a function is prepared when it is first called and checked once, by
beartype; what speaks of arrays has a scope of jaxtyping's for the names of its axes.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable
from functools import partial, wraps
from types import FunctionType, SimpleNamespace
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

__all__ = ["check_calls_in"]

_jaxtyped = jaxtyping.jaxtyped
_beartype = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))
_NAME = re.compile(r"\w+")
_MARK = "_checked_when_called"


def check_calls_in(rooms: list[str]) -> None:
    """Let the modules of these packages that are imported from now on check their calls."""
    jaxtyping.jaxtyped = _checked  # which is what the hook writes above each function and class
    jaxtyping.install_import_hook(rooms, "beartype.beartype")


def _checked(what: Any = None, *, typechecker: Any) -> Any:
    if what is None:
        return partial(_checked, typechecker=typechecker)
    if isinstance(what, FunctionType):
        return _when_called(what, typechecker)
    if isinstance(what, type):
        if dataclasses.is_dataclass(what) and not hasattr(what.__init__, _MARK):
            what.__init__ = _when_called(what.__init__, typechecker)  # type: ignore[misc]
        return what
    return _jaxtyped(what, typechecker=typechecker)


def _when_called(function: Callable[..., Any], typechecker: Any) -> Callable[..., Any]:
    made: Callable[..., Any] | None = None

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal made
        if made is None:
            if inspect.isgeneratorfunction(function):
                made = _jaxtyped(function, typechecker=typechecker)
            else:
                made = _of_arrays(_typed(function)) if _speaks_of_arrays(function) else _typed(function)
        return made(*args, **kwargs)

    setattr(call, _MARK, True)
    return call


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Checked by beartype, with hints in place of their text; one that can't be read is none, as with jaxtyping."""
    written = function.__annotations__
    function.__annotations__ = {name: _hint(text, function) for name, text in written.items()}
    try:
        return _beartype(function)
    finally:
        function.__annotations__ = written


def _of_arrays(typed: Callable[..., Any]) -> Callable[..., Any]:
    """Axes of one name have one length within a call, whatever they are called outside of it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with _jaxtyped("context"):
            return typed(*args, **kwargs)

    return call


def _hint(written: Any, function: Callable[..., Any]) -> Any:
    holder = SimpleNamespace(__annotations__={"hint": written})
    try:
        return typing.get_type_hints(holder, function.__globals__, include_extras=True)["hint"]
    except Exception:  # noqa: BLE001 -- a name that is imported for mypy alone, or local
        return Any


def _speaks_of_arrays(function: Callable[..., Any]) -> bool:
    names = {name for text in function.__annotations__.values() for name in _NAME.findall(str(text))}
    return any(_is_of_arrays(function.__globals__[name]) for name in names if name in function.__globals__)


def _is_of_arrays(named: Any) -> bool:
    """Whether a name stands for arrays of some shape, or for something that is made of them."""
    if isinstance(named, list):  # the arguments of a Callable
        return any(_is_of_arrays(each) for each in named)
    if isinstance(named, type) and issubclass(named, jaxtyping.AbstractArray | jaxtyping.AbstractDtype):
        return True
    return any(_is_of_arrays(each) for each in typing.get_args(named))
