"""Whether compiling a back is worth its while: it may take a minute, and saves a share of every step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Pace", "compiler_there", "compiling_pays"]

_LONG_ENOUGH = 120.0  # seconds; compiling for fewer would hardly be paid back


@dataclass(frozen=True)
class Pace:
    """Seconds of a training.

    Attributes:
        first: Of its first step, in which the back is compiled if it is. Trainings behind it in the same process find
            it compiled.
        each: Of each further step.
    """

    first: float
    each: float


def compiling_pays(
    steps: int, trainings: float | int, *, plain: Callable[[], Pace], compiled: Callable[[], Pace]
) -> bool:
    """Whether trainings end earlier when the back is compiled first.

    Args:
        steps: Of a training.
        trainings: How many of that length they amount to.
        plain: Measures a few steps.
        compiled: Measures them compiled, which takes long by itself: not called where too little could be saved.
    """
    as_it_is = plain().each * steps * trainings
    if as_it_is < _LONG_ENOUGH:
        return False
    pace = compiled()
    return pace.first + pace.each * steps * trainings < as_it_is


def compiler_there() -> bool:
    """Whether there is a C compiler, by which Triton builds its driver when it compiles for the first time.

    Slim images have none; a training that asked for it would end with an error.
    """
    asked = os.environ.get("CC")
    return any(shutil.which(name) for name in ([asked] if asked else ["gcc", "clang"]))
