"""The encoder version that an adaptation makes: stored, and added to its pool, once however often it is begun."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.lineage import Lineage
from encoders.store import is_stored, load_stored, save_adapted
from encoders.tower import BaseTrunk
from index.durable_files import write_durably
from index.encoder_version import EncoderVersion
from index.pool import Pool
from invariantselect.errors import PoolNotFoundError, StoreCorruptError
from service.jobs.adaptation_gate import Decision
from service.services import Services

if TYPE_CHECKING:
    from encoders.adaptation.depths import Space

__all__ = ["NUMBER", "Draft", "encoder_store", "number_in"]

NUMBER = "number.json"
"""Name of the file, in a job's folder, that holds its version's number."""


@dataclass(frozen=True, eq=False)
class Draft:
    """A version in the making.

    Attributes:
        services: Of the job.
        pool: The pool.
        job: Id of the job.
        folder: Of the job, where the version's number is kept.
    """

    services: Services
    pool: Pool
    job: str
    folder: Path

    @property
    def number(self) -> int | None:
        """The number that was reserved for it; None before.

        Raises:
            StoreCorruptError: The file that holds it is damaged.
        """
        return number_in(self.folder)

    @property
    def name(self) -> str:
        """Of the encoder in the store."""
        return f"{self.pool.key}/{self.number}"

    def lineage(self) -> Lineage | None:
        """Of the encoder, when it is stored; None before.

        Raises:
            StoreCorruptError: It is damaged.
        """
        return load_stored(self._directory).lineage if self.number and is_stored(self._directory) else None

    def save(self, space: Space, lineage: Lineage) -> None:
        """Store what was learnt, under a number of its own.

        Raises:
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        if self.number is None:
            number = self.pool.reserve_number()
            write_durably(self.folder / NUMBER, json.dumps({"number": number}).encode())
        shared = BaseTrunk(self.pool.encoder, self.pool.fingerprint, self.pool.dim)
        with suppress(FileExistsError):  # another worker, which took this job over, was quicker
            save_adapted(
                self._directory,
                name=self.name,
                version=str(self.number),
                trunk=space.trunk or shared,
                calibration=space.calibration,
                lineage=lineage,
            )
        # Another encoder had the number here, where this job was begun anew by another worker in between.
        self.services.encoders.adapted.forget(self.pool.key)

    def version(self) -> EncoderVersion | None:
        """The version, when the pool has it; None before."""
        return next((version for version in self.pool.versions() if version.number == self.number), None)

    def add(self, lineage: Lineage, decision: Decision) -> EncoderVersion:
        """Add the stored encoder to the pool, as a candidate.

        Raises:
            EncoderUnavailableError, StoreCorruptError: It can't be loaded.
            PoolNotFoundError: The pool was dropped.
            CatalogUnavailableError: The database doesn't answer.
        """
        assert self.number is not None  # noqa: S101 -- it was saved under it
        encoder = self.services.encoders.adapted.get(self.pool.key, self.number)
        return self.pool.add_version(
            encoder=self.name,
            fingerprint=encoder.identity.fingerprint,
            dim=encoder.identity.dim,
            looks_at_domains=bool(encoder.domains),
            lineage={**lineage.to_json(), **vars(decision), "job": self.job},
            number=self.number,
        )

    def discard(self) -> None:
        """Leave the pool as if this version had never been begun; what was learnt stays in the job's checkpoints."""
        if self.number is None:
            return
        try:
            version = self.version()
            if version is not None and version.state == "candidate":
                self.pool.discard(version.number)
        except PoolNotFoundError:  # dropped, and whatever was stored since stands where nobody looks
            version = None
            shutil.rmtree(self._directory.parent, ignore_errors=True)
        if version is None or version.state == "candidate":
            shutil.rmtree(self._directory, ignore_errors=True)
            (self.folder / NUMBER).unlink()
        self.services.encoders.adapted.forget(self.pool.key)

    @property
    def _directory(self) -> Path:
        return encoder_store(self.services) / self.name


def number_in(folder: Path) -> int | None:
    """The number of the version that the job with this folder makes; None before it has one.

    Raises:
        StoreCorruptError: The file that holds it is damaged.
    """
    file = folder / NUMBER
    try:
        return int(json.loads(file.read_bytes())["number"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreCorruptError(f"{file} can't be read: {error}.", hint="Hand the adaptation in anew.") from error


def encoder_store(services: Services) -> Path:
    """Where adapted encoders lie, by their pool's key and their number."""
    return services.settings.data / "encoders"
