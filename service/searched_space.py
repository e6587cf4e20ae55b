"""Where a strategy searches: the space of the frozen encoder, or of the version that was adapted to the pool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from index.encoder_version import FROZEN, EncoderVersion
from index.pool import Pool
from index.snapshot import Snapshot
from invariantselect.errors import PoolNotAdaptedError
from invariantselect.wire.options import Strategy

__all__ = ["ADAPTED", "SearchedSpace", "searched_spaces"]

ADAPTED: Strategy = "invariant_select"
"""The strategy that searches in the adapted space."""


@dataclass(frozen=True, eq=False)
class SearchedSpace:
    """A pool as it is searched by one query or batch, whatever is written or switched meanwhile.

    Attributes:
        encoder: Name of the encoder.
        adapted: The version that serves; None for the encoder that the pool was made with.
        snapshot: In the space of this encoder.
    """

    encoder: str
    adapted: EncoderVersion | None
    snapshot: Snapshot

    @property
    def number(self) -> int:
        """Of the encoder version."""
        return FROZEN if self.adapted is None else self.adapted.number


def searched_spaces(pool: Pool, strategies: Iterable[Strategy]) -> dict[Strategy, SearchedSpace]:
    """The space of each strategy, all as of one moment; strategies of one encoder share one.

    Raises:
        PoolNotAdaptedError: ``invariant_select`` is asked for and no adapted version serves.
        PoolNotFoundError, StoreCorruptError, CatalogUnavailableError: As `Pool.snapshots`.
    """
    wanted = list(strategies)
    if ADAPTED not in wanted:
        return dict.fromkeys(wanted, SearchedSpace(pool.encoder, None, pool.snapshot()))
    # Together: the demonstrations are then the same in both, and so is the version that its snapshot belongs to.
    found = pool.snapshots()
    if found.adapted is None or found.serving is None:
        raise PoolNotAdaptedError(
            f"the pool {pool.name!r} has no adapted encoder that serves, which {ADAPTED} searches by",
            hint=f"Adapt it first: invariantselect adapt --pool {pool.name}, or POST /v1/pools/{pool.name}/adapt.",
            pool=pool.name,
        )
    frozen = SearchedSpace(pool.encoder, None, found.frozen)
    adapted = SearchedSpace(found.serving.encoder, found.serving, found.adapted)
    return {strategy: adapted if strategy == ADAPTED else frozen for strategy in wanted}
