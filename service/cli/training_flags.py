"""How a training is asked for on the command line: times, blocks, and the options of an objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from service.cli.durations import duration_of

if TYPE_CHECKING:
    from invariantselect.wire.objectives import ObjectiveName

__all__ = ["blocks_of", "options_of", "seconds_of"]

_ALL = "all"


def seconds_of(text: str) -> float:
    """``90s``, ``10m``, ``2h`` or ``1d`` in seconds.

    Raises:
        BadParameter: It is none of these, or no time at all.
    """
    seconds = duration_of(text, "--budget").total_seconds()
    if not seconds:
        raise typer.BadParameter(f"{text!r} is no time to learn anything in", param_hint="--budget")
    return seconds


def blocks_of(text: str) -> int | None:
    """A number of blocks; None for ``all``.

    Raises:
        BadParameter: It is neither.
    """
    if text == _ALL:
        return None
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"{text!r} is neither a number from 1 nor 'all'", param_hint="--blocks")
    return int(text)


def options_of(objective: ObjectiveName, given: list[str]) -> dict[str, Any]:
    """``NAME=VALUE``, each of them an option of the objective.

    Raises:
        BadParameter: One isn't, or has another value than it may.
    """
    from invariantselect.wire.objectives import check_options

    options = dict(_option(text) for text in given)
    try:
        check_options(objective, options)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--option") from None
    return options


def _option(text: str) -> tuple[str, Any]:
    import json

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--option")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
