"""What servers and workers stand in: SQLite, SQLite and Redis, PostgreSQL and Redis; and what rounds begin with."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from types import TracebackType
from typing import Self

from benchmarks.chaos.nursery import Nursery
from benchmarks.chaos.parts import Part
from benchmarks.chaos.pictures import Pictures
from benchmarks.chaos.stores import PostgresServer, RedisServer
from benchmarks.chaos.worlds import State
from tests.postgres import PROGRAMS, RealPostgres
from tests.service.adaptable import make
from tests.service.shifted import save_tiny_encoder

__all__ = ["SURROUNDINGS", "Crew", "Grounds", "missing"]

_TEMPLATE = "template"


@dataclass(frozen=True)
class Crew:
    """Who works in some surroundings.

    Attributes:
        servers: How many.
        workers: How many.
    """

    servers: int
    workers: int


SURROUNDINGS = {"sqlite": Crew(1, 1), "redis": Crew(1, 1), "postgresql": Crew(2, 2)}
"""By name: SQLite carries catalog and messages; Redis carries messages and vectors; PostgreSQL has the catalog too."""


def missing(around: str) -> bool:
    """Whether this machine lacks what these surroundings need."""
    return (around != "sqlite" and not RedisServer.installed()) or (around == "postgresql" and PROGRAMS is None)


class Grounds:
    """What all rounds have in common: the process that forks, a PostgreSQL, and the pool that a round begins with.

    Args:
        folder: Below it everything happens.
        pictures: Get to know the pool's images.
        around: Which surroundings there will be.

    Attributes:
        folder: The same.
        encoder: What the pool was made with.
        state: What it holds.
        nursery: Forks servers and workers.
    """

    def __init__(self, folder: Path, pictures: Pictures, around: Sequence[str]) -> None:
        self._closing = ExitStack()
        self.folder = folder
        self._postgres: RealPostgres | None = None
        self.encoder = Path(save_tiny_encoder(folder / "tiny"))
        self._data: dict[bool, Path] = {}  # by whether the catalog is in PostgreSQL
        for remote in sorted({name == "postgresql" for name in around}):
            made = folder / f"{_TEMPLATE}-{remote}"
            self._data[remote] = make(made, encoder=self.encoder, database_url=self._database() if remote else None)
            self.state: State = pictures.read(made / "images")
        assert threading.active_count() == 1, "what forks must have one thread"
        self.nursery = Nursery()
        self._closing.callback(self.nursery.close)

    def stores(self, around: str, folder: Path) -> list[Part]:
        """The stores of a round, and its data directory below a folder."""
        found: list[Part] = []
        copytree(self._data[around == "postgresql"], folder / "data")
        if around == "postgresql":
            assert self._postgres is not None
            found.append(PostgresServer(self._postgres, folder.name, template=_TEMPLATE))
        if around != "sqlite":
            found.append(RedisServer(folder))
        return found

    def forget(self, around: str, folder: Path, *, kept: Path | None) -> None:
        """Remove what a round has left in PostgreSQL; into a folder that is kept goes a copy."""
        if around == "postgresql":
            assert self._postgres is not None
            if not self._postgres.alive:
                self._postgres.start()
            if kept is not None:
                self._postgres.dump(folder.name, kept / "database.sql")
            self._postgres.drop_database(folder.name)

    def _database(self) -> str:
        self._postgres = RealPostgres(durable=True)
        self._closing.callback(self._postgres.remove)
        self._postgres.start()
        self._postgres.make_database(_TEMPLATE)
        return self._postgres.url_of(_TEMPLATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()
