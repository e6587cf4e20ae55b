"""Leave one source domain out: which images are held out to play the queries of a domain that was never seen.

Where a pool knows fewer than two domains nothing can stand in for a new one, nor where every group spans all domains;
then groups are held out, or images.
Source of the protocol: Gulrajani and Lopez-Paz, In Search of Lost Domain Generalization, 2021,
https://arxiv.org/abs/2007.01434, section 3 (leave-one-domain-out cross-validation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from encoders.adaptation.coding import UNKNOWN
from encoders.adaptation.examples import Examples

__all__ = ["Fold", "folds_of", "most_judged"]

_MOST = 4  # more source domains share folds: each fold is a training run
_WITHOUT_DOMAINS = 3
_MOST_JUDGED = 12_000
_MOST_QUERIES = 2000  # a share is then known to about one per cent


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of the images.

    Attributes:
        name: The domains held out, or ``part 1`` and so on.
        learn: (n,) int64 places of the images that are learnt from, and retrieved.
        held: (n,) int64 places of the images that play the queries; no group and no file is on both sides.
    """

    name: str
    learn: NDArray[np.int64]
    held: NDArray[np.int64]

    def judged(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places of both sides that contestants are judged by, ascending: all, or in a large pool some, the same
        for everyone and each time."""
        rng = np.random.default_rng(0)
        return _some(self.learn, _MOST_JUDGED, rng), _some(self.held, _MOST_QUERIES, rng)


def most_judged(images: int) -> int:
    """How many places `Fold.judged` gives of so many images, at most."""
    return min(images, _MOST_JUDGED + _MOST_QUERIES)


def folds_of(examples: Examples, *, seed: int = 0) -> list[Fold]:
    """The folds of a pool, at least one image on each side; none where that can't be, with fewer than two images.

    A query whose label doesn't occur on the other side can't be answered rightly by anyone, and isn't held.

    Args:
        examples: The pool.
        seed: Of the division where domains aren't known.
    """
    folds = _without(examples, _by_domain(examples)) if len(examples.known_domains) >= 2 else []
    # Where every patient was seen by every scanner, no domain can be left out without all patients.
    return folds or _without(examples, _by_group(examples, seed))


def _without(examples: Examples, parts: Sequence[tuple[str, Int64[np.ndarray, " _"]]]) -> list[Fold]:
    folds = []
    for name, held in parts:
        mask = np.zeros(len(examples), dtype=np.bool_)
        mask[held] = True
        shared = np.isin(examples.groups, examples.groups[mask & (examples.groups != UNKNOWN)])
        shared |= np.isin(examples.files, examples.files[mask])  # held out under another id, it would be known by heart
        learn = np.flatnonzero(~mask & ~shared)
        answerable = held[np.isin(examples.labels[held], examples.labels[learn])]
        if len(learn) and len(answerable):
            folds.append(Fold(name, learn, answerable))
    return folds


def _by_domain(examples: Examples) -> list[tuple[str, Int64[np.ndarray, " _"]]]:
    counts = np.bincount(examples.domains[examples.domains >= 0], minlength=len(examples.known_domains))
    # The largest first, each to the part with the fewest images: parts of much the same size.
    parts: list[list[int]] = [[] for _ in range(min(_MOST, len(counts)))]
    for domain in np.argsort(-counts, kind="stable").tolist():
        min(parts, key=lambda part: sum(int(counts[one]) for one in part)).append(domain)
    return [
        (
            ", ".join(examples.known_domains[one] for one in sorted(part)),
            np.flatnonzero(np.isin(examples.domains, part)),
        )
        for part in sorted(sorted(part) for part in parts)
    ]


def _by_group(examples: Examples, seed: int) -> list[tuple[str, Int64[np.ndarray, " _"]]]:
    lonely = examples.groups == UNKNOWN
    units = np.where(lonely, examples.groups.max(initial=0) + 1 + examples.files, examples.groups)
    names, places = np.unique(units, return_inverse=True)
    share = np.random.default_rng(seed).permutation(len(names)) % _WITHOUT_DOMAINS
    return [
        (f"part {number + 1}", np.flatnonzero(share[places] == number))
        for number in range(min(_WITHOUT_DOMAINS, len(names)))
    ]


def _some(places: Int64[np.ndarray, " n"], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return places if len(places) <= most else np.sort(rng.choice(places, most, replace=False))
