"""Somebody who asks for demonstrations, and checks of each answer what can be said while others write."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from benchmarks.chaos.person import Person
from benchmarks.chaos.pictures import DOMAINS, LABELS, POOL, Pictures
from benchmarks.chaos.worlds import Contradiction
from invariantselect import ImageQuery, Selection
from invariantselect.errors import PoolNotAdaptedError, TimedOutError

__all__ = ["Searcher"]

_STRATEGIES = ("topk_nearest", "invariant_select", "random")
_PAUSE_WITHOUT_CATALOG = 0.1


class Searcher(Person):
    """Asks by image, with all strategies. What was written is seen, by way of whichever server."""

    def act(self) -> None:
        """One selection."""
        options: dict[str, Any] = {"strategy": self.chance.choice(_STRATEGIES), "k": self.chance.choice([1, 7, 30])}
        if self.chance.random() < 0.3:
            options["where"] = {"label": self.chance.choice(LABELS)}
        domain, label = self.chance.choice(DOMAINS), self.chance.choice(LABELS)
        query = ImageQuery(Pictures.query(domain, label, self.chance), domain=domain)
        written = self.ledger.written
        try:
            selection = self.client.select(POOL, query, images=False, **options)
        except PoolNotAdaptedError:
            self.ledger.count("selections refused: not adapted")
            return
        except TimedOutError:  # the server gives up a query that waits too long, on a machine that is too slow
            self.ledger.count("selections given up")
            return
        self._check(selection, options, written)
        if selection.stale:  # from the last snapshot that a replica without its catalog has
            self.ledger.count("stale selections")
            self._stop_asked.wait(_PAUSE_WITHOUT_CATALOG)
        else:
            self.ledger.count("selections")

    def _check(self, answer: Selection, options: dict[str, Any], written: int) -> None:
        chosen = answer.demonstrations
        told = f"the selection at snapshot {answer.snapshot} with {options}"
        if answer.snapshot < written and not answer.stale:
            raise Contradiction(f"{told} is older than a write that was acknowledged before, of snapshot {written}")
        if len({each.id for each in chosen}) < len(chosen):
            raise Contradiction(f"{told} holds a demonstration twice")
        if len(chosen) + answer.shortfall != options["k"]:
            raise Contradiction(f"{told} has {len(chosen)} demonstrations and a shortfall of {answer.shortfall}")
        ranked = sorted(chosen, key=lambda each: each.rank)
        if any(one.score < other.score for one, other in pairwise(ranked)):
            raise Contradiction(f"{told} has ranks that disagree with its scores")
        for each in chosen:
            if not self.ledger.may_be(each.id, each.label):
                raise Contradiction(f"{told} has {each.id} as {each.label}, which was never sent")
            if each.label != options.get("where", {}).get("label", each.label):
                raise Contradiction(f"{told} has {each.id}, which is {each.label}")
