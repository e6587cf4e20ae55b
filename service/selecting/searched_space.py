"""Where a strategy searches: the space of the frozen encoder, or of the version that was adapted to the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from index.encoder_version import FROZEN, EncoderVersion
from index.pool import Pool
from index.snapshot import Snapshot
from invariantselect.errors import CatalogUnavailableError, PoolNotAdaptedError
from invariantselect.wire.options import Strategy

__all__ = ["ADAPTED", "SearchedSpace", "searched_spaces"]

T = TypeVar("T")

ADAPTED: Strategy = "invariant_select"
"""The strategy that searches in the adapted space."""


@dataclass(frozen=True, eq=False)
class SearchedSpace:
    """A pool as it is searched by one query or batch, whatever is written or switched meanwhile.

    Attributes:
        encoder: Name of the encoder.
        adapted: The version that serves; None for the encoder that the pool was made with.
        snapshot: In the space of this encoder.
        stale: Whether the catalog didn't answer, and the snapshot is the last one that was loaded.
    """

    encoder: str
    adapted: EncoderVersion | None
    snapshot: Snapshot
    stale: bool = False

    @property
    def number(self) -> int:
        """Of the encoder version."""
        return FROZEN if self.adapted is None else self.adapted.number


def searched_spaces(pool: Pool, strategies: Iterable[Strategy]) -> dict[Strategy, SearchedSpace]:
    """The space of each strategy, all as of one moment; strategies of one encoder share one.

    Raises:
        PoolNotAdaptedError: ``invariant_select`` is asked for and no adapted version serves.
        CatalogUnavailableError: The catalog doesn't answer, and no snapshot has been loaded before.
        PoolNotFoundError, StoreCorruptError: As `Pool.snapshots`.
    """
    wanted = list(strategies)
    if ADAPTED not in wanted:
        snapshot, stale = _present_or_last(lambda: pool.snapshot(wait=False), pool.last_snapshot)
        return dict.fromkeys(wanted, SearchedSpace(pool.encoder, None, snapshot, stale))
    # Together: the demonstrations are then the same in both, and so is the version that its snapshot belongs to.
    found, stale = _present_or_last(lambda: pool.snapshots(wait=False), pool.last_snapshots)
    if found.adapted is None or found.serving is None:
        raise PoolNotAdaptedError(
            f"the pool {pool.name!r} has no adapted encoder that serves, which {ADAPTED} searches by",
            hint=f"Adapt it first: invariantselect adapt --pool {pool.name}, or POST /v1/pools/{pool.name}/adapt.",
            pool=pool.name,
        )
    frozen = SearchedSpace(pool.encoder, None, found.frozen, stale)
    adapted = SearchedSpace(found.serving.encoder, found.serving, found.adapted, stale)
    return {strategy: adapted if strategy == ADAPTED else frozen for strategy in wanted}


def _present_or_last(present: Callable[[], T], last: Callable[[], T | None]) -> tuple[T, bool]:
    """What there is now; where the catalog doesn't answer, what was loaded last, and that this is so."""
    try:
        return present(), False
    except CatalogUnavailableError:
        loaded = last()
        if loaded is None:
            raise
        return loaded, True
