"""The snapshots that a process holds of a pool: one an encoder version, brought up to date when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from index.catalog.demonstration_rows import written_since
from index.catalog.engine import Catalog
from index.catalog.pool_rows import PoolRow, present_version
from index.catalog.version_rows import find_version, live_versions
from index.encoder_version import FROZEN, EncoderVersion
from index.loading_beside import LoadingBeside
from index.looked_through import looked_through
from index.refresh import Refreshed, refreshed
from index.segments import Segment
from index.snapshot import Snapshot
from index.space import Space
from invariantselect.errors import PoolNotAdaptedError

__all__ = ["SnapshotCache", "Snapshots"]

# A smaller pool is loaded in a few hundredths of a second.
_WORTH_LOADING_BESIDE = 65_536


@dataclass(frozen=True, eq=False)
class Snapshots:
    """A pool at one version in the spaces of its live encoder versions: both show the same demonstrations.

    Who answers a query takes this first and holds it, so that a switch on the way changes nothing for that query.

    Attributes:
        frozen: In the space of version 1.
        adapted: In the space of the version that serves; None where none does.
        serving: That version.
    """

    frozen: Snapshot
    adapted: Snapshot | None = None
    serving: EncoderVersion | None = None


class SnapshotCache:
    """Thread-safe. What other threads and processes write is seen by the next call."""

    def __init__(self, catalog: Catalog, folder: Path, pool: PoolRow) -> None:
        self._catalog = catalog
        self._folder = folder
        self._key = pool.key
        self._name = pool.name
        # One lock an encoder version, taken in the order of numbers: loading one mustn't hold up searches in another.
        self._locks: dict[int, threading.Lock] = {}
        self._held: dict[int, Snapshot] = {}
        self._together: Snapshots | None = None
        self._beside = LoadingBeside(self._name)

    def one(self, number: int, *, wait: bool = True) -> Snapshot:
        """The present snapshot in the space of one encoder version; see `index.pool_reader.PoolReader.snapshot`."""
        version = present_version(self._catalog, self._key, self._name)
        snapshot = self._held.get(number)
        # A switch raises the version: an encoder version that is live at the present one is still live.
        if snapshot is not None and snapshot.version >= version:
            return snapshot

        def load() -> Snapshot:
            return self._load_one(number, version, self._looked_through([number]))

        if snapshot is not None and not wait and self._will_do(snapshot) and self._beside.begin(version, load):
            return snapshot
        return self._load_one(number, version)

    def _load_one(self, number: int, version: int, at_hand: Sequence[Segment] = ()) -> Snapshot:
        with self._lock(number):
            snapshot = self._held.get(number)
            if snapshot is None or snapshot.version < version:
                snapshot = self._refreshed([number], at_hand).snapshots.get(number)
        if snapshot is None:
            raise self._not_live(number)
        return snapshot

    def together(self, *, wait: bool = True) -> Snapshots:
        """The present snapshots of one moment in all live spaces; see `index.pool_reader.PoolReader.snapshots`."""
        version = present_version(self._catalog, self._key, self._name)
        together = self._together
        if together is not None and together.frozen.version >= version:
            return together
        if together is None or together.adapted is None or wait or not self._will_do(together.frozen):
            return self._load_together()

        def load() -> Snapshots:
            return self._load_together(beside=True)

        return together if self._beside.begin(version, load) else self._load_together()

    def _load_together(self, *, beside: bool = False) -> Snapshots:
        while True:
            with self._catalog.reading() as connection:
                live = live_versions(connection, self._key)
            numbers = [each.number for each in live]
            at_hand = self._looked_through(numbers) if beside else []
            for number in numbers:
                if number not in self._held:
                    with suppress(PoolNotAdaptedError):  # loaded for the first time without holding up the others
                        self._load_one(number, 0, at_hand)
            with ExitStack() as stack:
                for number in numbers:
                    stack.enter_context(self._lock(number))
                found = self._refreshed(numbers, at_hand)
            if [each.number for each in found.live] == numbers:  # no switch came in between
                break
        adapted = live[-1] if len(live) > 1 else None
        frozen = found.snapshots[FROZEN]
        together = Snapshots(frozen) if adapted is None else Snapshots(frozen, found.snapshots[adapted.number], adapted)
        self._together = together
        return together

    def last_one(self) -> Snapshot | None:
        """The newest snapshot that was loaded in the space of version 1, whether or not it is the present one."""
        return self._held.get(FROZEN)

    def last_together(self) -> Snapshots | None:
        """The newest that were loaded of one moment in all live spaces, likewise."""
        return self._together

    def catch_up(self, version: int) -> bool:
        """Load the snapshots that are held anew if they are older than a version; whether they were.

        What was never asked for isn't loaded.
        """
        together, frozen = self._together, self._held.get(FROZEN)
        if together is not None and together.frozen.version < version:
            self._load_together(beside=True)
            return True
        if together is None and frozen is not None and frozen.version < version:
            self._load_one(FROZEN, version, self._looked_through([FROZEN]))
            return True
        return False

    def _will_do(self, snapshot: Snapshot) -> bool:
        """Whether a large pool has been arranged anew or switched since, and nothing was written."""
        if snapshot.size < _WORTH_LOADING_BESIDE:
            return False
        with self._catalog.reading() as connection:
            return not written_since(connection, self._key, since=snapshot.version)

    def _lock(self, number: int) -> threading.Lock:
        return self._locks.setdefault(number, threading.Lock())

    def _looked_through(self, numbers: Sequence[int]) -> list[Segment]:
        """What isn't open yet of these encoder versions: for who loads while queries go on with what is held."""
        with self._catalog.reading() as connection:
            live = live_versions(connection, self._key)
        found: list[Segment] = []
        for version in live:
            if version.number in numbers:
                held = self._held.get(version.number)
                opened = () if held is None else held.sources.segments
                found += looked_through(Space.of(self._key, self._folder, version), opened)
        return found

    def _refreshed(self, numbers: Sequence[int], at_hand: Sequence[Segment]) -> Refreshed:
        held = dict(self._held)
        found = refreshed(
            self._catalog, self._folder, self._key, self._name, wanted=numbers, previous=held, at_hand=at_hand
        )
        self._held.update(found.snapshots)
        live = {version.number for version in found.live}
        for number in list(self._held):
            if number not in live:
                self._held.pop(number, None)  # what it has mapped is freed once the last query lets go of it
        return found

    def _not_live(self, number: int) -> PoolNotAdaptedError:
        with self._catalog.reading() as connection:
            version = find_version(connection, self._key, number, pool=self._name)
        return PoolNotAdaptedError(
            f"the encoder version {number} of the pool {self._name!r} is {version.state} and can't be searched",
            pool=self._name,
        )
