"""Times as they are typed: lengths such as ``90s``, ``10m``, ``24h``, ``90d``, and moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

__all__ = ["duration_of", "moment_of"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 36500 * 86400  # a hundred years: what is longer is a slip, and no date any more


def duration_of(text: str, option: str) -> timedelta:
    """``90s``, ``10m``, ``2h`` or ``1d`` as a length of time; a bare number is seconds.

    Args:
        text: As typed.
        option: Which option it was typed for, to name it.

    Raises:
        BadParameter: It is none of these, or longer than a hundred years.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    seconds = None if found is None else float(found[1]) * _UNITS[found[2]]
    if seconds is None or seconds > _LONGEST:
        raise typer.BadParameter(f"{text!r} is no time: 90s, 10m and 2h are", param_hint=option)
    return timedelta(seconds=seconds)


def moment_of(text: str, option: str) -> datetime:
    """``2026-11-24``, ``2026-11-24T08:00`` (UTC where no zone is said), or ``7d`` for so long ago, with its zone.

    A bare number is none: 2026 would be half an hour ago.

    Args:
        text: As typed.
        option: Which option it was typed for, to name it.

    Raises:
        BadParameter: It is none of these.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        if not text.strip().endswith(tuple(filter(None, _UNITS))):
            raise typer.BadParameter(f"{text!r} is no time: 2026-11-24 and 7d are", param_hint=option) from None
        return datetime.now(UTC) - duration_of(text, option)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
