"""The objectives that heads and trunks are trained with, and their options: known without the training code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError

from invariantselect.wire.base import Sent

__all__ = ["OPTIONS", "ObjectiveName", "ObjectiveOption", "check_options"]

ObjectiveName: TypeAlias = Literal["cci", "cross_entropy", "dcl", "supcon"]

ObjectiveOption: TypeAlias = bool | int | float | str

_Temperature: TypeAlias = Annotated[float, Field(strict=True, ge=1e-6, le=1e6)]


class _PairOptions(Sent):
    temperature: _Temperature = 0.1
    positives: Literal["same_class", "other_domain"] = "same_class"


class _CrossEntropyOptions(Sent):
    temperature: _Temperature = 0.05
    label_smoothing: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.0


OPTIONS: Mapping[ObjectiveName, type[Sent]] = {
    "cci": _PairOptions,
    "cross_entropy": _CrossEntropyOptions,
    "dcl": _PairOptions,
    "supcon": _PairOptions,
}
"""What each may be told; a test holds it and `encoders.objectives.registry` together."""


def check_options(objective: ObjectiveName, options: Mapping[str, ObjectiveOption]) -> None:
    """Whether an objective can be told these options.

    Raises:
        ValueError: It has no such option, or not with this value.
    """
    try:
        OPTIONS[objective].model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(first["loc"][0])
        known = ", ".join(OPTIONS[objective].model_fields)
        said = first["msg"] if name in OPTIONS[objective].model_fields else f"{objective} has {known}, and not this one"
        raise ValueError(f"{name[:64]}: {said}") from None
