"""The encoder versions of a pool: add one, fill it, let it serve, go back, retire it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from index.catalog.pool_rows import PoolRow, check_not_a_base, get_pool
from index.catalog.removal_rows import drop_folders, dropped
from index.catalog.version_rows import add_version, all_versions, find_version, remove_version, reserve_number, retire
from index.encoder_version import FROZEN, EncoderVersion
from index.filling import Filling, Progress, Stop, make_folder
from index.kept_columns import discard_newer
from index.pool_reader import PoolReader
from index.rebuild_folder import clear, rebuild_folders, remnants
from index.recoding import Recode
from index.sealing import exclusive, seal, sweep
from index.space import VERSIONS, Space
from index.switching import serve_frozen, take_over
from invariantselect.errors import EncoderVersionInUseError, InvalidRequestError, StoreCorruptError

__all__ = ["VersionedPool"]

_LAST_FEW = 16  # another process waits half a minute for the write lock, and an image may take a second


class VersionedPool(PoolReader):
    """What can be done with a pool's encoder versions. Thread-safe, and safe to die in at any point.

    Number 1 always lives: what it is searched for is the same before, during and after an adaptation.
    """

    def folders(self) -> list[Path]:
        """The folders that somebody may be writing into, in the order in which they are held; each has its lock."""
        spaces = (self._space(version) for version in self.versions())
        return [*rebuild_folders(self._folder), *(space.folder for space in spaces if space.folder.is_dir())]

    def clear_leftovers(self) -> None:
        """Remove files that a seal, a filling or a rebuild which died left behind, or that a catalog from a backup has
        outdated, where nobody else is at work."""
        for folder in rebuild_folders(self._folder):
            if remnants(folder):
                with exclusive(folder, wait=False) as held:
                    if held:
                        clear(folder)
        for space in (self._space(version) for version in self.versions()):
            if not space.folder.is_dir():
                continue
            with exclusive(space.folder, wait=False) as held:
                if held:
                    # What needs a manifest will say that it is damaged; opening and listing must work all the same.
                    with suppress(StoreCorruptError):
                        sweep(space.folder, space.manifest())
                    if space.number == FROZEN:
                        discard_newer(self._folder, self._version())

    def reserve_number(self) -> int:
        """A number for `add_version`, for who needs it before the encoder is there. It is never given again.

        Raises:
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        # A catalog restored from a backup may know less than the folder: what a lost version left isn't taken over.
        folder = self._folder / VERSIONS
        taken = [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []
        with self._writing() as (connection, _):
            return reserve_number(connection, self.key, at_least=max([FROZEN, *taken]) + 1)

    def add_version(
        self,
        *,
        encoder: str,
        fingerprint: str,
        dim: int,
        looks_at_domains: bool,
        lineage: Mapping[str, Any],
        number: int | None = None,
    ) -> EncoderVersion:
        """Add a candidate. It has no vectors yet; no answer changes.

        Args:
            encoder: Its name, as `encoders.catalog.load_encoder` takes it.
            fingerprint: Of its vectors.
            dim: Length of a vector.
            looks_at_domains: Whether a vector depends on the domain of its demonstration. From now on a new domain
                gives a demonstration a new row.
            lineage: Where it comes from, as JSON values.
            number: Of `reserve_number`; None for the next one.

        Raises:
            InvalidRequestError: The number wasn't reserved, or has been used.
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        number = self.reserve_number() if number is None else number
        version = EncoderVersion(
            number, encoder, fingerprint, dim, looks_at_domains, "candidate", dict(lineage), datetime.now(UTC)
        )
        with self._writing() as (connection, row):
            taken = {each.number for each in all_versions(connection, self.key)}
            taken |= {each.number for each in dropped(connection) if each.key == self.key}
            if not FROZEN < number < row.next_number or number in taken:
                raise InvalidRequestError(
                    f"{number} is no free number of an encoder version", hint="Reserve a number first."
                )
            add_version(connection, self.key, version)
        return version

    def fill(self, number: int, recode: Recode, *, progress: Progress | None = None, stop: Stop | None = None) -> None:
        """Encode every demonstration that a version lacks a vector of. Searches and writes go on meanwhile.

        Durable part by part: whoever calls it again after a death goes on behind the last part. Several processes may
        fill at once. Of a version that is live nothing is lacking.

        Args:
            number: Of the version.
            recode: Encodes by it.
            progress: Called after each part with (demonstrations that have a vector, all demonstrations).
            stop: Asked between batches; what was encoded until then stays.

        Raises:
            JobCancelledError: `stop` said so.
            EncoderVersionNotFoundError: There is no such version.
            InvalidVectorError: `recode` made something else than (n, dim) finite numbers.
            StoreCorruptError: An image or a vector of version 1 is lost or damaged.
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer, or the disk is full.
        """
        self._filling(self._find(number), recode).run(progress, stop)

    def switch(self, number: int, recode: Recode) -> None:
        """Let a version serve: what it lacks is encoded, and from the next snapshot on it is what is searched.

        The version that served is retired. For a retired version this is the way back; for number 1, no adapted
        version serves any more. Searches never wait: one that began with the old version ends with it. Writes wait for
        the last few demonstrations. Killed before the end, the old version serves; there is no state in between.

        Args:
            number: Of the version.
            recode: Encodes by it; not called for number 1, nor where nothing is lacking.

        Raises:
            EncoderVersionNotFoundError: There is no such version.
            InvalidVectorError, StoreCorruptError, PoolNotFoundError, CatalogUnavailableError: As in `fill`.
        """
        serving, most = self.serving(), _LAST_FEW
        if number == (FROZEN if serving is None else serving.number):
            return
        if serving is not None:
            self._put_away(serving)
        if number == FROZEN:
            serve_frozen(self._catalog, self.key, self.name, FROZEN)
            return
        filling = self._filling(self._find(number), recode)
        while True:
            filling.run()
            if take_over(self._catalog, filling, self.name, most=most):
                return
            most *= 2  # who writes faster than this encodes has to wait in the end

    def retire(self, number: int) -> None:
        """Retire a candidate: it lost at the gate, or its adaptation was cancelled. It can be switched to all the same.

        Raises:
            EncoderVersionInUseError: It is live.
            EncoderVersionNotFoundError: There is no such version.
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        with self._writing() as (connection, _):
            self._refuse_live(connection, number)
            retire(connection, self.key, number)

    def discard(self, number: int, *, for_good: bool = False) -> None:
        """Remove a version that doesn't live, with its vectors, as if it had never been. Its number isn't given again.

        Args:
            number: Of the version.
            for_good: Whether its encoder and all its files go, whoever dies on the way, and nobody may add it again;
                else the job that made it may.

        Raises:
            EncoderVersionInUseError: It is live, or another pool was made with its encoder.
            EncoderVersionNotFoundError: There is no such version.
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        space = self._folder_of(self._find(number))
        with exclusive(space.folder, wait=True):  # a filling must not write into a folder that is going away
            with self._writing() as (connection, _):
                self._refuse_live(connection, number)
                check_not_a_base(connection, self.key, self.name, number)
                remove_version(connection, self.key, number)
                if for_good:
                    drop_folders(connection, self.key, number)
            shutil.rmtree(space.folder, ignore_errors=True)

    def _refuse_live(self, connection: Connection, number: int) -> None:
        if find_version(connection, self.key, number, pool=self.name).live:
            raise EncoderVersionInUseError(
                f"the encoder version {number} of the pool {self.name!r} is in use", hint="Switch to another first."
            )

    def _put_away(self, serving: EncoderVersion) -> None:
        # Its tail goes when it is retired: what is sealed now needn't be encoded again on a way back.
        space = self._folder_of(serving)
        with suppress(StoreCorruptError), exclusive(space.folder, wait=False) as held:
            if held:
                seal(self._catalog, space, self.name)

    def _filling(self, version: EncoderVersion, recode: Recode) -> Filling:
        space = self._folder_of(version)
        return Filling(space, self._blobs, self.snapshot, recode, lambda: self._find(version.number).live)

    def _find(self, number: int) -> EncoderVersion:
        with self._catalog.reading() as connection:
            get_pool(connection, self.key, self.name)
            return find_version(connection, self.key, number, pool=self.name)

    def _folder_of(self, version: EncoderVersion) -> Space:
        """Its space, whose folder is made if it isn't there."""
        self._version()  # the folder of a pool that was dropped mustn't be made again
        space = self._space(version)
        make_folder(space)
        return space

    def _space(self, version: EncoderVersion) -> Space:
        return Space.of(self.key, self._folder, version)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, PoolRow]]:
        with self._catalog.writing() as connection:
            yield connection, get_pool(connection, self.key, self.name)
