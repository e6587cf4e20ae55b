"""k-fold: every image asks once, and groups stay together; labels are spread as evenly as groups allow.

Queries come from the domains of the pool, so the figures say nothing of a shift: what the selection is worth where
there is none. Source: Kohavi, A Study of Cross-Validation and Bootstrap, 1995,
https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from encoders.adaptation.coding import code, names_of
from evaluation.protocols.fold import Fold, divided, units_of
from invariantselect.errors import PoolNotDivisibleError

__all__ = ["k_fold"]


def k_fold(labels: Sequence[str], groups: Sequence[str | None], *, folds: int = 5, seed: int = 0) -> list[Fold]:
    """Folds of much the same size and mixture of labels; in each, one part asks all others.

    Without groups the parts have the same number of each label, to within one.

    Args:
        labels: Of each image.
        groups: Patient or slide of each image; one without a group is a group of its own.
        folds: How many parts, at least 2.
        seed: Who lies with whom.

    Returns:
        Folds named ``part 1`` and so on.

    Raises:
        PoolNotDivisibleError: Fewer than two folds, or fewer groups than folds.
    """
    units = units_of(groups)
    count = int(units.max(initial=-1)) + 1
    if folds < 2 or count < folds:
        raise PoolNotDivisibleError(
            f"{count} groups can't be divided into {folds} parts",
            hint="Ask for at least 2 folds, and at most the groups.",
        )
    parts = _parts(units, code(labels, names_of(labels)), folds, seed)[units]
    return [divided(f"part {number + 1}", parts == number, groups) for number in range(folds)]


def _parts(
    units: Int64[np.ndarray, " n"], labels: Int64[np.ndarray, " n"], folds: int, seed: int
) -> Int64[np.ndarray, " units"]:
    """The part of each unit: the largest first, each where the squares of the parts' label shares grow least.

    With n labels of a kind in a part and u more of it, the square grows by 2nu + u²; u² is the same in all parts.
    """
    weights = 1.0 / np.bincount(labels).astype(np.float64) ** 2
    sizes = np.bincount(units)
    held = np.zeros((folds, len(weights)))
    parts = np.empty(len(sizes), dtype=np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    by_unit = np.split(labels[np.argsort(units, kind="stable")], np.cumsum(sizes)[:-1])
    for unit in order.tolist():
        kinds, more = np.unique(by_unit[unit], return_counts=True)
        growth = held[:, kinds] @ (weights[kinds] * more)
        # Of equals the emptiest, so that rare labels don't all lie in the first part.
        part = min(range(folds), key=lambda number: (growth[number], held[number].sum(), number))
        held[part, kinds] += more
        parts[unit] = part
    return parts
