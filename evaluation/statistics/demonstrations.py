"""What kind of demonstrations a query was shown: from other domains, of the right label, of many labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log2

__all__ = ["cross_domain_share", "label_entropy"]


def cross_domain_share(domain: str | None, shown: Sequence[str | None]) -> float | None:
    """Share of a query's demonstrations that come from another domain than the query.

    Demonstrations whose domain isn't known don't count. Where the query's own domain is left out of the pool the share
    is 1 for every strategy.

    Args:
        domain: Of the query.
        shown: Domain of each demonstration.

    Returns:
        The share; None where the query's domain isn't known, or none of the demonstrations'.
    """
    known = [each for each in shown if each is not None]
    if domain is None or not known:
        return None
    return sum(each != domain for each in known) / len(known)


def label_entropy(labels: Sequence[str]) -> float | None:
    """−Σ p·log₂ p of the labels' shares p among a query's demonstrations, in bits.

    0 where all have one label, log₂ of their number where each has one of its own. Source: Shannon, A Mathematical
    Theory of Communication, 1948, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x.

    Args:
        labels: Label of each demonstration.

    Returns:
        The entropy; None without demonstrations.
    """
    if not labels:
        return None
    shares = [count / len(labels) for count in Counter(labels).values()]
    return abs(-sum(share * log2(share) for share in shares))
