"""Target pool: half of a domain is labelled and in the pool with all other domains, the other half asks.

What a user has who labelled some images of the new hospital before asking about its others; the setting in which the
demonstrations may come from the query's own domain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.protocols.fold import Fold, divided, units_of
from evaluation.protocols.leave_one_domain_out import targets_of
from invariantselect.errors import PoolNotDivisibleError

__all__ = ["target_pool"]


def target_pool(
    domains: Sequence[str | None],
    groups: Sequence[str | None],
    *,
    seed: int = 0,
    targets: Sequence[str] | None = None,
) -> list[Fold]:
    """A fold a domain: half of its groups, rounded down, are in the pool, and the images of the others ask.

    Args:
        domains: Of each image; None where it isn't known.
        groups: Patient or slide of each image; one without a group is a group of its own.
        seed: Which half; drawn at random, each half as likely as any other.
        targets: The domains that ask, in the order of the folds; None for all, in that of the alphabet.

    Returns:
        Folds named by the domain that asks.

    Raises:
        PoolNotDivisibleError: A target is unknown, or has one group only.
    """
    units = units_of(groups)
    folds = []
    for target in targets_of(domains, targets):
        here = np.array([domain == target for domain in domains])
        own = np.unique(units[here])
        if len(own) < 2:
            raise PoolNotDivisibleError(
                f"the domain {target!r} has one group only, which can't be halved",
                hint="Leave that domain out of the targets, or use leave-one-domain-out.",
            )
        order = np.random.default_rng(seed).permutation(len(own))
        labelled = own[order[: len(own) // 2]]
        folds.append(divided(target, here & ~np.isin(units, labelled), groups))
    return folds
