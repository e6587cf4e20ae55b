"""Objectives by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from encoders.objectives.dcl import Dcl
from encoders.objectives.objective import Objective
from encoders.objectives.supcon import SupCon
from invariantselect.errors import InvalidRequestError

__all__ = ["OBJECTIVES", "objective"]

_CLASSES: tuple[type[Objective], ...] = (Cci, CrossEntropy, Dcl, SupCon)

OBJECTIVES: Mapping[str, type[Objective]] = MappingProxyType({each.name: each for each in _CLASSES})
"""Every objective by its name, in alphabetical order."""


def objective(name: str, **options: Any) -> Objective:
    """An objective by name.

    Args:
        name: A key of `OBJECTIVES`.
        options: Its hyper-parameters, as `Objective.options` gives them; those left out have their defaults. A whole
            number does where a float is meant: JSON doesn't tell them apart.

    Raises:
        InvalidRequestError: There is no such objective, or it has no such option, or not with this value.

    Example:
        >>> objective("cci", temperature=0.07)
        Cci(temperature=0.07, positives='same_class')
    """
    if name not in OBJECTIVES:
        raise InvalidRequestError(f"There is no objective {name!r}.", hint=f"Use one of {', '.join(OBJECTIVES)}.")
    wanted = {field.name: str(field.type) for field in dataclasses.fields(OBJECTIVES[name])}
    if unknown := sorted(options.keys() - wanted.keys()):
        raise InvalidRequestError(
            f"The objective {name!r} has no option {unknown[0]!r}.", hint=f"It has {', '.join(wanted) or 'none'}."
        )
    try:
        return OBJECTIVES[name](**{key: _read(value, wanted[key]) for key, value in options.items()})
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequestError(
            f"The options of the objective {name!r} are not valid: {error}.",
            hint=f"Its defaults are {OBJECTIVES[name]().options()}.",
        ) from error


def _read(value: Any, kind: str) -> Any:
    """`value` where it is of the kind that a field has.

    Raises:
        TypeError: It is of another.
    """
    match kind, value:
        case "float" | "int", bool():
            raise TypeError(f"{value!r} is no number")
        case "float", int() | float():
            return float(value)
        case "float" | "int", int():
            return value
        case "float" | "int", _:
            raise TypeError(f"{value!r} is no number")
    return value
