"""Leave one domain out: each domain in turn asks, and all demonstrations come from the others.

Source: Gulrajani and Lopez-Paz, In Search of Lost Domain Generalization, 2021, https://arxiv.org/abs/2007.01434.
"""

from __future__ import annotations

from collections.abc import Sequence

from encoders.adaptation.coding import code, names_of
from evaluation.protocols.fold import Fold, divided
from invariantselect.errors import PoolNotDivisibleError

__all__ = ["leave_one_domain_out", "targets_of"]


def leave_one_domain_out(
    domains: Sequence[str | None], groups: Sequence[str | None], *, targets: Sequence[str] | None = None
) -> list[Fold]:
    """A fold a domain: all its images ask, and the pool is everybody else, less the groups that ask.

    Images without a domain never ask and are always in the pool, unless they share a group with a query.

    Args:
        domains: Of each image; None where it isn't known.
        groups: Patient or slide of each image; None for none.
        targets: The domains that ask, in the order of the folds; None for all, in that of the alphabet.

    Returns:
        Folds named by the domain that asks.

    Raises:
        PoolNotDivisibleError: There is one domain only, or none; a target is unknown; or all others share its groups.
    """
    names = targets_of(domains, targets)
    codes = code(domains, names)
    if bool((codes == codes[0]).all()):
        raise PoolNotDivisibleError(
            f"all images are of the domain {names[0]!r}, so nobody is left when it is left out",
            hint="Use k-fold, or ingest the images with their domains.",
        )
    return [divided(name, codes == number, groups) for number, name in enumerate(names)]


def targets_of(domains: Sequence[str | None], targets: Sequence[str] | None) -> tuple[str, ...]:
    """The domains that are to ask, in order; all known ones for None.

    Raises:
        PoolNotDivisibleError: There is none, or one of the targets has no image.
    """
    known = names_of(domains)
    if not known:
        raise PoolNotDivisibleError(
            "no image has a domain", hint="Use k-fold, which needs none, or ingest the images with their domains."
        )
    if targets is None:
        return known
    for name in targets:
        if name not in known:
            raise PoolNotDivisibleError(
                f"no image has the domain {name!r}", hint=f"The domains are: {', '.join(known)}."
            )
    if not targets or len(set(targets)) < len(targets):
        raise PoolNotDivisibleError("the domains that ask are none, or one is named twice")
    return tuple(targets)
