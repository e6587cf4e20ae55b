"""A real PostgreSQL of the tests' own, behind a Unix socket, which can be killed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
import pytest

__all__ = ["PROGRAMS", "RealPostgres", "needs_postgres", "url_of_schema"]

_PATIENCE = 30
_SMALL = ["shared_buffers=16MB", "max_connections=300"]
_FAST = ["fsync=off", "full_page_writes=off"]  # what a kill leaves is in the kernel's hands, with them or without


def _folder_of_programs() -> Path | None:
    """Where the newest PostgreSQL's programs are; Debian keeps them off the path."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


PROGRAMS = _folder_of_programs()

needs_postgres = pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed")


def _not_root() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.skip("there is no user that PostgreSQL could run as")


def url_of_schema(server: str, schema: str) -> str:
    """Of a schema that is made if it isn't there: as good as a database of its own, and there sooner."""
    with psycopg.connect(server) as connection:
        # Of two that make it at once, PostgreSQL lets one fail, IF NOT EXISTS or not.
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    return f"{server}&options={quote(f'-csearch_path={schema}')}"


class RealPostgres:
    """A cluster in a folder of its own. Its default order of texts is English, so who relies on another one fails.

    Args:
        durable: Whether each commit is flushed to the disk, as where it matters.
    """

    def __init__(self, *, durable: bool = False) -> None:
        assert PROGRAMS is not None
        self._settings = _SMALL if durable else [*_SMALL, *_FAST]
        self._programs = PROGRAMS
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # pytest's own paths are longer than a socket's may be
        self._as = _not_root()
        if self._as:
            os.chown(self._folder, self._as["user"], self._as["group"])
        self._folder.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        command = ["-D", str(self._folder / "data"), "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8"]
        order = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en"]
        self._run([str(self._programs / "initdb"), *command, *order])

    @property
    def server(self) -> str:
        """Its URL, without a schema."""
        return f"postgresql://tests@/postgres?host={quote(str(self._folder), safe='')}"

    def url(self, schema: str) -> str:
        """The setting `database_url` for a schema."""
        return url_of_schema(self.server, schema)

    def make_database(self, name: str, *, template: str = "template1") -> None:
        """A further database, empty or as another is at the moment, which nobody may use then."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def drop_database(self, name: str) -> None:
        """Remove one, whoever uses it."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def dump(self, database: str, file: Path) -> None:
        """Write all that is in a database into a file, as SQL."""
        with file.open("wb") as out:
            subprocess.run([str(self._programs / "pg_dump"), self.url_of(database)], stdout=out, check=True)

    def url_of(self, database: str) -> str:
        """The setting `database_url` for a database."""
        return self.server.replace("/postgres?", f"/{database}?", 1)

    def start(self) -> None:
        settings = [f"unix_socket_directories={self._folder}", "listen_addresses=", *self._settings]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data"), *options]
        deadline = time.monotonic() + _PATIENCE
        while True:
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    command, cwd=self._folder, stdout=log, stderr=log, start_new_session=True, **self._as
                )
            while self._process.poll() is None:
                with suppress(psycopg.OperationalError):
                    psycopg.connect(self.server).close()
                    return
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.02)
            # What it was killed with may still hold its memory for a moment.
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.05)

    @property
    def alive(self) -> bool:
        """Whether its first process runs, however many of the others do."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """All its processes at once, as a power cut would."""
        if self.alive:
            self._signal(signal.SIGSTOP)  # the first mustn't put anything right, or start another, meanwhile
            self._signal(signal.SIGKILL)
        self._reap()

    def kill_postmaster(self) -> None:
        """The first process alone: the others notice, and end by themselves."""
        assert self._process is not None
        self._process.kill()
        self._reap()

    def kill_backend(self, which: int) -> bool:
        """One of those that serve a connection, whereupon the first ends the others and recovers; whether there is one.

        Args:
            which: Of them, counted round and round.
        """
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        serving = [each for each in children if _words(each)[:2] == ["postgres:", "tests"]]
        if serving:
            serving[which % len(serving)].kill()
        return bool(serving)

    def freeze(self) -> None:
        """Let all its processes stand still: its machine takes what is sent, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(_PATIENCE)
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        for process in (self._process.pid, *(each.pid for each in psutil.Process(self._process.pid).children())):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL, **self._as)


def _words(process: psutil.Process) -> list[str]:
    try:
        return " ".join(process.cmdline()).split()
    except psutil.NoSuchProcess:
        return []
