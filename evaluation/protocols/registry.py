"""The protocols by name, as a command line or a request names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from evaluation.protocols.fold import Fold
from evaluation.protocols.k_fold import k_fold
from evaluation.protocols.leave_one_domain_out import leave_one_domain_out
from evaluation.protocols.target_pool import target_pool

__all__ = ["Protocol", "folds_of"]

Protocol: TypeAlias = Literal["leave-one-domain-out", "target-pool", "k-fold"]


def folds_of(
    protocol: Protocol,
    labels: Sequence[str],
    domains: Sequence[str | None],
    groups: Sequence[str | None],
    *,
    seed: int = 0,
    folds: int = 5,
    targets: Sequence[str] | None = None,
) -> list[Fold]:
    """The folds of a protocol; the same for the same columns and seed.

    Args:
        protocol: Its name.
        labels: Of each image.
        domains: Likewise; None where it isn't known.
        groups: Likewise; None for none.
        seed: Of what is drawn; leave-one-domain-out draws nothing.
        folds: How many, for k-fold.
        targets: The domains that ask, for the other two; None for all.

    Raises:
        PoolNotDivisibleError: The pool can't be divided so.
    """
    if protocol == "leave-one-domain-out":
        return leave_one_domain_out(domains, groups, targets=targets)
    if protocol == "target-pool":
        return target_pool(domains, groups, seed=seed, targets=targets)
    return k_fold(labels, groups, folds=folds, seed=seed)
