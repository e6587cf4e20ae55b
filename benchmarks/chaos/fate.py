"""Who is killed when: after some answers, or in the middle of something that was waited for."""

from __future__ import annotations

import random
import time

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.parts import Child, Part
from benchmarks.chaos.place import Place
from benchmarks.chaos.under_way import OPERATIONS

__all__ = ["Fate"]

_WEIGHTS = {"api": 4, "worker": 4, "redis": 2, "postgresql": 6}
_AIMED = 0.75
_AIMS = [1 if what in ("ingest", "delete", "change of words") else 3 for what in OPERATIONS]
_AT_ONCE = 0.15  # while everything is still coming back from the last time
_MOST_ANSWERS = 80
_LONGEST_WAIT = 20.0
_LOOK_SECONDS, _REVIVE_SECONDS = 0.003, 0.1


class Fate:
    """Kills parts of a place, one at a time, and lets them be started again.

    Args:
        seed: Of who is killed, and in the middle of what.
        place: Whose parts.
        ledger: What happens is written there.
    """

    def __init__(self, seed: str, place: Place, ledger: Ledger) -> None:
        self._chance = random.Random(f"{seed} fate")
        self._place = place
        self._ledger = ledger
        self._revived = 0.0

    def strike(self) -> None:
        """Wait for a moment, kill something, and a little later start what is dead."""
        aim = self._chance.choices(list(OPERATIONS), _AIMS)[0] if self._chance.random() < _AIMED else None
        caught = None
        if self._chance.random() < _AT_ONCE:
            pass
        elif aim is None:
            self._wait_for_answers()
        else:
            caught = self._wait_until_under_way(aim)
        time.sleep(0.05 * self._chance.random() ** 2)
        weights = [_WEIGHTS[each.name] for each in self._place.parts]
        anybody = self._chance.choices(self._place.parts, weights)[0]
        self._kill(caught if caught is not None and self._chance.random() < 0.6 else anybody)
        time.sleep(self._chance.choice([0.0, 0.1, 0.4]) * self._chance.random())
        self._place.revive(self._ledger)

    def _kill(self, part: Part) -> None:
        if not part.alive:
            return  # a mine was quicker, and `revive` writes that down
        busy = [part] if isinstance(part, Child) else self._place.children
        under_way = [what for each in busy if isinstance(each, Child) for what in each.under_way()]
        what = part.strike(self._chance)
        if isinstance(part, Child):
            under_way = part.under_way()  # what it died over, to the call
        self._ledger.killed(what, under_way)

    def _wait_for_answers(self) -> None:
        """Until people got so many answers: a slow machine has rounds as full as any."""
        wanted = self._ledger.answers() + self._chance.choice([1, 1, 3, 10, 30, 60])
        deadline = time.monotonic() + _LONGEST_WAIT
        while self._ledger.answers() < wanted and time.monotonic() < deadline:
            self._revive_now_and_then()
            time.sleep(_LOOK_SECONDS)

    def _wait_until_under_way(self, aim: str) -> Child | None:
        """Until somebody is in the middle of it; who. None where people got many answers and it didn't come."""
        most = self._ledger.answers() + _MOST_ANSWERS
        deadline = time.monotonic() + _LONGEST_WAIT
        while self._ledger.answers() < most and time.monotonic() < deadline:
            for child in self._place.children:
                if aim in child.under_way():
                    return child
            self._revive_now_and_then()
            time.sleep(_LOOK_SECONDS)
        return None

    def _revive_now_and_then(self) -> None:
        if time.monotonic() - self._revived > _REVIVE_SECONDS:
            self._place.revive(self._ledger)
            self._revived = time.monotonic()
