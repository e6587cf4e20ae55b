"""The stores beside servers and workers, as parts that are killed: a Redis that comes back empty, and a PostgreSQL."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.chaos.nursery import Mine
from tests.postgres import RealPostgres
from tests.redis_server import RealRedis

__all__ = ["PostgresServer", "RedisServer"]


class RedisServer:
    """Killed, it has forgotten every message and every vector.

    Args:
        folder: Its working directory.
    """

    name = "redis"

    def __init__(self, folder: Path) -> None:
        self._server = RealRedis(folder)

    @property
    def settings(self) -> Mapping[str, str]:
        """Its address."""
        return {"INVARIANTSELECT_REDIS_URL": self._server.url}

    @staticmethod
    def installed() -> bool:
        """Whether this machine has one."""
        return shutil.which("redis-server") is not None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._server.alive

    def start(self, mine: Mine | None = None) -> None:  # noqa: ARG002 -- it isn't ours, so there is no mine in it
        """Start it, if it doesn't run, and wait until it answers."""
        if not self.alive:
            self._server.start()

    def strike(self, chance: random.Random) -> str:  # noqa: ARG002 -- there is one way
        """Kill it with -9."""
        self.kill()
        return self.name

    def kill(self) -> None:
        """Kill it with -9, if it runs."""
        self._server.kill()


class PostgresServer:
    """A PostgreSQL that flushes each commit, with a database of the round's own.

    Args:
        server: Serves all rounds.
        database: Its name.
        template: Of which database it is a copy at first.
    """

    name = "postgresql"

    def __init__(self, server: RealPostgres, database: str, *, template: str) -> None:
        self._server = server
        self._database = database
        self.start()
        server.make_database(database, template=template)

    @property
    def url(self) -> str:
        """Of the database."""
        return self._server.url_of(self._database)

    @property
    def settings(self) -> Mapping[str, str]:
        """Its address."""
        return {"INVARIANTSELECT_DATABASE_URL": self.url}

    @property
    def alive(self) -> bool:
        """Whether its first process runs."""
        return self._server.alive

    def start(self, mine: Mine | None = None) -> None:  # noqa: ARG002 -- it isn't ours, so there is no mine in it
        """Start it, if it doesn't run, and wait until it answers: it recovers first."""
        if not self.alive:
            self._server.start()

    def strike(self, chance: random.Random) -> str:
        """Kill all of it, its first process alone, or one of those that serve."""
        if not self.alive:
            return self.name
        kind = chance.choice(["postgresql", "postgresql", "postmaster", "backend", "backend"])
        if kind == "postmaster":
            self._server.kill_postmaster()
        elif kind == "backend":
            self._server.kill_backend(chance.randrange(100))
        else:
            self._server.kill()
        return kind

    def kill(self) -> None:
        """Kill all its processes at once, if it runs."""
        self._server.kill()
