"""How many steps a budget allows: measured once, and kept, so that a training that was killed goes on as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

__all__ = ["steps_for"]

_FILE = "steps.json"
_FEWEST, _MOST = 40, 400


def steps_for(folder: Path | None, seconds_a_step: Callable[[], float], left: float, *, trainings: int) -> int:
    """Steps of each training; 0 where the budget doesn't allow enough of them to learn anything.

    Args:
        folder: Where the number is kept from one attempt to the next; None for nowhere.
        seconds_a_step: Measures a step; called only where the number isn't known.
        left: Seconds of the budget.
        trainings: How many trainings share them.
    """
    path = None if folder is None else folder / _FILE
    if path is not None and path.is_file():
        return int(json.loads(path.read_text(encoding="utf-8"))["steps"])
    steps = min(_MOST, int(left / trainings / max(seconds_a_step(), 1e-6))) if left > 0 else 0
    steps = steps if steps >= _FEWEST else 0
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"steps": steps}), encoding="utf-8")
        part.replace(path)
    return steps
