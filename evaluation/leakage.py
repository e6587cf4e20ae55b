"""What may not be shown for a query, lest the answer stand in the question: its own group, its own file, its twins.

Source of the concern: Barz and Denzler, Do We Train on Test Data? Purging CIFAR of Near-Duplicates, 2020,
https://arxiv.org/abs/1902.00423, who find near-duplicates of up to a tenth of the test images by cosine similarity in
the space of a frozen network, as is done here; thumbnails find what that space doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

from encoders.adaptation.coding import UNKNOWN, code, names_of
from encoders.adaptation.watch import SILENT
from evaluation.protocols.fold import Fold

__all__ = ["NEAR_DUPLICATES_ABOVE", "REASONS", "SAME_PICTURE_ABOVE", "Barred", "barred_of", "unrelated"]

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
        places: (entries,) int32, places of demonstrations in the whole set, ascending within a query.
        reasons: (entries,) uint8, one bit for each of `REASONS`; several may hold at once.
    """

    starts: Int64[np.ndarray, " ends"]
    places: Int32[np.ndarray, " entries"]
    reasons: UInt8[np.ndarray, " entries"]

    def of(self, query: int) -> Int32[np.ndarray, " some"]:
        """Places barred for a query, given by its number in the fold."""
        return self.places[self.starts[query] : self.starts[query + 1]]

    def counts(self, query: int | None = None) -> dict[str, int]:
        """How many pairs of query and demonstration each reason bars; one with several reasons counts for each.

        Args:
            query: Number of the query in the fold; None for all of them together.
        """
        reasons = self.reasons if query is None else self.reasons[self.starts[query] : self.starts[query + 1]]
        return {name: int((reasons >> bit & 1).sum()) for bit, name in enumerate(REASONS)}


def unrelated(fold: Fold, *, groups: Sequence[str | None], sha256: Sequence[str | None]) -> Int64[np.ndarray, " some"]:
    """Demonstrations that share neither group nor file with any query, ascending: those that may be learnt from.

    Likeness is a guess, and among many queries nearly every demonstration may look like one of them.

    Args:
        fold: Pool and queries.
        groups: As of `barred_of`.
        sha256: Likewise.
    """
    free = np.ones(len(fold.pool), dtype=np.bool_)
    for values in (groups, sha256):
        codes = code(values, names_of(values))
        asked = codes[fold.queries]
        free &= ~np.isin(codes[fold.pool], asked[asked != UNKNOWN])
    return fold.pool[free]


def barred_of(
    fold: Fold,
    *,
    groups: Sequence[str | None],
    sha256: Sequence[str | None],
    vectors: Float32[np.ndarray, "images dim"],
    thumbnails: Float32[np.ndarray, "images pixels"] | None = None,
    near_duplicates_above: float = NEAR_DUPLICATES_ABOVE,
    same_picture_above: float = SAME_PICTURE_ABOVE,
    check: Callable[[], None] = SILENT.check,
) -> Barred:
    """What is barred for each query of a fold.

    Every query is compared with every demonstration, some queries at a time; only what is barred is kept of that.

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
        check: Called several times a second; raises whatever shall end it.
    """
    tests = [
        (1, _sharing(groups, fold)),
        (2, _sharing(sha256, fold)),
        (4, _alike(vectors, near_duplicates_above, fold)),
    ]
    if thumbnails is not None:
        tests.append((4, _alike(thumbnails, same_picture_above, fold)))
    counts, places, reasons = [np.zeros(1, dtype=np.int64)], [], []
    step = max(1, _SCORES_AT_ONCE // len(fold.pool))
    for start in range(0, len(fold.queries), step):
        check()
        some = fold.queries[start : start + step]
        bits = np.zeros((len(some), len(fold.pool)), dtype=np.uint8)
        for bit, holds in tests:
            bits |= holds(some) * np.uint8(bit)
        queries, columns = np.nonzero(bits)
        counts.append(np.bincount(queries, minlength=len(some)))
        places.append(fold.pool[columns].astype(np.int32))
        reasons.append(bits[queries, columns])
    return Barred(np.cumsum(np.concatenate(counts)), np.concatenate(places), np.concatenate(reasons))


_Test: TypeAlias = Callable[[Int64[np.ndarray, " some"]], Bool[np.ndarray, "some n"]]
"""Given places of queries, says for which demonstrations of the fold something holds."""


def _sharing(values: Sequence[str | None], fold: Fold) -> _Test:
    """Whether a demonstration has the value of the query."""
    codes = code(values, names_of(values))
    held = codes[fold.pool]

    def holds(queries: Int64[np.ndarray, " some"]) -> Bool[np.ndarray, "some n"]:
        asked = codes[queries, None]
        same: Bool[np.ndarray, "some n"] = (asked == held) & (asked != UNKNOWN)
        return same

    return holds


def _alike(vectors: Float32[np.ndarray, "images dim"], threshold: float, fold: Fold) -> _Test:
    """Whether a demonstration is at least as similar to the query as the threshold."""
    held = vectors[fold.pool]

    def holds(queries: Int64[np.ndarray, " some"]) -> Bool[np.ndarray, "some n"]:
        alike: Bool[np.ndarray, "some n"] = vectors[queries] @ held.T >= threshold - _ROUNDING
        return alike

    return holds
