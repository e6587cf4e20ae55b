"""The one pass that chooses: step by step the best candidate that balance and caps admit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from index.selection.balance import open_labels
from index.selection.caps import has_room
from invariantselect.wire.options import LabelBalance

__all__ = ["Candidates", "Gain", "Rules", "go_on", "greedy"]


@dataclass(frozen=True)
class Rules:
    """What limits the choice."""

    k: int
    balance: LabelBalance
    max_per_group: int | None
    max_per_domain: int | None


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates in rank order, as codes of their label, group and domain (−1: has none).

    Labels are counted from 0 without gaps in ``[0, len(known))``. ``known[label]`` says how much of the label's
    ranking the candidates show: all of it up to, not including, the place of candidate number ``known[label]``; n+1
    where nothing is missing.
    """

    labels: Int64[np.ndarray, " n"]
    groups: Int32[np.ndarray, " n"]
    domains: Int32[np.ndarray, " n"]
    known: Int64[np.ndarray, " labels"]


@runtime_checkable
class Gain(Protocol):
    """What a candidate is worth next to those already taken."""

    def gains(self) -> Float64[np.ndarray, " n"]:
        """Gain of taking each candidate next."""

    def take(self, candidate: int) -> None:
        """Count a candidate as taken."""


def go_on() -> None:
    """Ends nothing."""


def greedy(
    candidates: Candidates, rules: Rules, gain: Gain | None = None, check: Callable[[], None] = go_on
) -> tuple[list[int], Bool[np.ndarray, " labels"]]:
    """Choose up to k candidates: at each step the largest gain among the admissible, ties by rank.

    Args:
        candidates: In rank order.
        rules: k, label balance and caps.
        gain: None for rank order alone. With a gain, the candidates must be complete (``known`` all n+1).
        check: Called before each step; raises whatever shall end the choice.

    Returns:
        Numbers of the chosen candidates in the order they were taken, and a mask of labels. Where the mask is set, the
        pass stopped before k because candidates of those labels that aren't known yet may come next. Nowhere set: the
        choice is final.
    """
    n = len(candidates.labels)
    caps = ((candidates.groups, rules.max_per_group), (candidates.domains, rules.max_per_domain))
    capped = [(codes, cap) for codes, cap in caps if cap is not None]
    if gain is None and rules.balance == "none" and not capped:
        return list(range(min(rules.k, n))), (candidates.known <= n) & (n < rules.k)
    chosen: list[int] = []
    free = np.ones(n, dtype=np.bool_)
    counts = np.zeros(len(candidates.known), dtype=np.int64)
    while len(chosen) < rules.k:
        check()
        available = candidates.known <= n
        available[candidates.labels[free]] = True
        in_play = open_labels(rules.balance, counts, available)
        best = _best(gain, np.flatnonzero(free & in_play[candidates.labels]), otherwise=n)
        behind: Bool[np.ndarray, " labels"] = in_play & (candidates.known <= best)
        if best == n or behind.any():
            return chosen, behind
        chosen.append(best)
        counts[candidates.labels[best]] += 1
        free[best] = False
        for codes, cap in capped:
            free &= has_room(codes, codes[chosen], cap)
        if gain is not None:
            gain.take(best)
    return chosen, np.zeros(len(candidates.known), dtype=np.bool_)


def _best(gain: Gain | None, among: Int64[np.ndarray, " m"], *, otherwise: int) -> int:
    if len(among) == 0:
        return otherwise
    # argmax takes the first of equals, and candidates stand in rank order.
    return int(among[0] if gain is None else among[np.argmax(gain.gains()[among])])
