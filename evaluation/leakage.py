"""What may not be shown for a query, lest the answer stand in the question: its own group, its own file, its twins.

Source of the concern: Barz and Denzler, Do We Train on Test Data? Purging CIFAR of Near-Duplicates, 2020,
https://arxiv.org/abs/1902.00423, who find near-duplicates of up to a tenth of the test images by cosine similarity in
the space of a frozen network, as is done here; thumbnails find what that space doesn't.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from encoders.adaptation.coding import UNKNOWN, code, names_of
from evaluation.protocols.fold import Fold

__all__ = ["NEAR_DUPLICATES_ABOVE", "REASONS", "SAME_PICTURE_ABOVE", "Barred", "barred_of"]

REASONS = ("group", "content", "near_duplicate")
"""Why a demonstration is barred; the n-th has the bit 2ⁿ."""

NEAR_DUPLICATES_ABOVE = 0.96
"""Cosine similarity in the frozen space from which two images are taken for one.

Measured with `efficientnet-lite0`: the nearest image of another lesion reaches .940 at most (HAM10000), and the nearest
other picture .960 in one case of a thousand (PACS, where some are twins indeed). Copies saved again as JPEG of quality
75 lie at .87–1.0, halved or cropped ones at .66–.94, so that this alone finds few of them. Drawings of a few pixels are
near each other without being copies (3 in 10 digits of 28 × 28 reach .95).
"""

SAME_PICTURE_ABOVE = 0.99
"""Correlation of two thumbnails from which two images are taken for one.

Measured: copies saved again as JPEG of quality 75 or 30, or halved, correlate by .9955 and more (photographs, PACS,
HAM10000), different ones by .965 at most; digits of 28 × 28 by .992. Cropped copies aren't found: they correlate by
.6–.95, as strangers do. Only groups can bar those.
"""

_SCORES_AT_ONCE = 8_000_000  # 32 MB of float32
# As in `index.selection.exclude`: an exact copy may score 0.9999999.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Barred:
    """What is barred from the demonstrations of each query of a fold, and why.

    Attributes:
        starts: (queries + 1,) int64; query q's entries are those from ``starts[q]`` to before ``starts[q + 1]``.
        places: (entries,) int64, places of demonstrations in the whole set, ascending within a query.
        reasons: (entries,) uint8, one bit for each of `REASONS`; several may hold at once.
    """

    starts: Int64[np.ndarray, " ends"]
    places: Int64[np.ndarray, " entries"]
    reasons: UInt8[np.ndarray, " entries"]

    def of(self, query: int) -> Int64[np.ndarray, " some"]:
        """Places barred for a query, given by its number in the fold."""
        return self.places[self.starts[query] : self.starts[query + 1]]

    def certain(self) -> Int64[np.ndarray, " some"]:
        """Places barred for any query by its group or its very file, ascending.

        Likeness is a guess, and among many queries nearly every demonstration may look like one of them.
        """
        return np.unique(self.places[self.reasons & 0b11 > 0])

    def counts(self, query: int | None = None) -> dict[str, int]:
        """How many pairs of query and demonstration each reason bars; one with several reasons counts for each.

        Args:
            query: Number of the query in the fold; None for all of them together.
        """
        reasons = self.reasons if query is None else self.reasons[self.starts[query] : self.starts[query + 1]]
        return {name: int((reasons >> bit & 1).sum()) for bit, name in enumerate(REASONS)}

    def queries_concerned(self) -> dict[str, int]:
        """For each reason, how many queries have something barred for it."""
        own = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        return {name: len(np.unique(own[self.reasons >> bit & 1 == 1])) for bit, name in enumerate(REASONS)}


def barred_of(
    fold: Fold,
    *,
    groups: Sequence[str | None],
    sha256: Sequence[str | None],
    vectors: Float32[np.ndarray, "images dim"],
    thumbnails: Float32[np.ndarray, "images pixels"] | None = None,
    near_duplicates_above: float = NEAR_DUPLICATES_ABOVE,
    same_picture_above: float = SAME_PICTURE_ABOVE,
) -> Barred:
    """What is barred for each query of a fold.

    Every query is compared with every demonstration, block by block.

    Args:
        fold: Pool and queries, as places in the following, which describe the whole set.
        groups: Patient or slide of each image; None for none.
        sha256: Content hash of each image's file; None where it isn't known.
        vectors: (images, dim), L2-normalised, of the *frozen* encoder. An adapted one draws a class together until
            different images of it look like twins.
        thumbnails: (images, pixels), of `evaluation.thumbnail`; None where no images are at hand. They find what was
            saved again or scaled; a near-duplicate is one by either.
        near_duplicates_above: Least cosine similarity of a near-duplicate, to within the rounding of float32.
        same_picture_above: Least correlation of the thumbnails of a near-duplicate, likewise.
    """
    twins = _near(vectors[fold.queries], vectors[fold.pool], near_duplicates_above)
    if thumbnails is not None:
        twins = np.union1d(twins, _near(thumbnails[fold.queries], thumbnails[fold.pool], same_picture_above))
    pairs = [_equal(groups, fold), _equal(sha256, fold), twins]
    n = len(fold.pool)
    keys = np.concatenate(pairs)
    bits = np.repeat(np.array([1, 2, 4], dtype=np.uint8), [len(each) for each in pairs])
    distinct, entry = np.unique(keys, return_inverse=True)
    reasons = np.zeros(len(distinct), dtype=np.uint8)
    np.bitwise_or.at(reasons, entry, bits)
    starts = np.searchsorted(distinct, np.arange(len(fold.queries) + 1) * n)
    return Barred(starts.astype(np.int64), fold.pool[distinct % n], reasons)


def _equal(values: Sequence[str | None], fold: Fold) -> Int64[np.ndarray, " pairs"]:
    """Pairs that share a value, each as query · len(pool) + demonstration, numbered within the fold."""
    codes = code(values, names_of(values))
    asked, held = codes[fold.queries], codes[fold.pool]
    order = np.argsort(held, kind="stable")
    first, last = (np.searchsorted(held[order], asked, side=side) for side in ("left", "right"))
    many = np.where(asked == UNKNOWN, 0, last - first)
    queries = np.repeat(np.arange(len(asked)), many)
    nth = np.arange(len(queries)) - np.repeat(np.cumsum(many) - many, many)
    pairs: Int64[np.ndarray, " pairs"] = queries * len(held) + order[np.repeat(first, many) + nth]
    return pairs


def _near(
    queries: Float32[np.ndarray, "queries dim"], pool: Float32[np.ndarray, "n dim"], threshold: float
) -> Int64[np.ndarray, " pairs"]:
    """Pairs at least as similar as the threshold, numbered likewise."""
    step = max(1, _SCORES_AT_ONCE // len(pool))
    found = []
    for start in range(0, len(queries), step):
        rows, places = np.nonzero(queries[start : start + step] @ pool.T >= threshold - _ROUNDING)
        found.append((rows + start) * len(pool) + places)
    return np.concatenate(found)
