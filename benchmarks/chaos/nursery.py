"""A process that has imported everything and forks servers and workers off: one starts in milliseconds, not in seconds.

It is forked off itself, by a process that has one thread. It starts no thread either, so that forking is safe. What
runs in its children is the command line: `invariantselect serve` and `invariantselect worker`.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TextIO

__all__ = ["Mine", "Nursery"]

Mine = tuple[str, int]
"""``before`` or ``after`` a call that matters, and at which of its calls the process kills itself."""

_PATIENCE = 120.0
_SEAL_AT = 20
_STEPS = 4


class Nursery:
    """The process, seen from the one that forked it off. Thread-safe.

    Children die with it, and it ends when `close` is called or its maker dies.
    """

    def __init__(self) -> None:
        _import_everything()
        gc.collect()
        gc.freeze()
        ours, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _obey(theirs)
        theirs.close()
        ours.settimeout(_PATIENCE)  # who waits for ever tells nobody
        self._socket = ours
        self._lines = ours.makefile("rw")
        self._lock = threading.Lock()

    def start(self, what: str, environment: Mapping[str, str], log: Path, under_way: Path, mine: Mine | None) -> int:
        """Start a server (``api``) or a worker; its process id.

        Args:
            what: Which of the two.
            environment: Its settings.
            log: What it writes goes there.
            under_way: Where it tells what it is doing, see `benchmarks.chaos.under_way`.
            mine: Where it dies by itself.
        """
        order = {"environment": dict(environment), "log": str(log), "under_way": str(under_way), "mine": mine}
        return int(self._order(do="start", what=what, **order)["pid"])

    def look(self, pid: int) -> int | None:
        """The status with which a child ended; None while it runs."""
        status: int | None = self._order(do="look", pid=pid)["status"]
        return status

    def end(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a child and wait until it is gone."""
        self._order(do="end", pid=pid, signal=int(number))

    def close(self) -> None:
        """Kill its children, and end it."""
        with self._lock:
            self._lines.close()
            self._socket.close()
            deadline = time.monotonic() + _PATIENCE
            while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(self._pid, signal.SIGKILL)
                time.sleep(0.02)

    def _order(self, **words: object) -> dict[str, Any]:
        with self._lock:
            self._lines.write(json.dumps(words) + "\n")
            self._lines.flush()
            answer: dict[str, Any] = json.loads(self._lines.readline())
            return answer


def _import_everything() -> None:
    import onnxruntime  # noqa: F401
    import structlog
    import typer
    import uvicorn.lifespan.on
    import uvicorn.loops.auto
    import uvicorn.protocols.http.auto
    import uvicorn.protocols.websockets.auto  # noqa: F401

    import service.app
    import service.http.graceful_server
    import service.jobs.embedded
    import service.jobs.worker
    from encoders.adaptation import step_count
    from encoders.adaptation.head import HeadOptions
    from index import kept_columns
    from index.pools import Pools
    from service.cli.app import app
    from service.settings import Settings

    # What takes longer than all else that a start does.
    commands, document = typer.main.get_command(app), service.app.create_app(Settings()).openapi()
    typer.main.get_command = lambda _: commands  # type: ignore[assignment]
    service.app.document = lambda _: document  # type: ignore[assignment, attr-defined]
    logging.getLogger().handlers.clear()
    structlog.reset_defaults()

    # What has hardly learnt is as good to be killed over, and a small pool must do what large ones do.
    step_count._FEWEST = step_count._MOST = _STEPS
    HeadOptions.__init__.__defaults__ = tuple(asdict(HeadOptions(hidden=32, dim=16, steps=_STEPS)).values())
    kept_columns._WORTH_KEEPING = _SEAL_AT
    assert Pools.__init__.__kwdefaults__ is not None
    Pools.__init__.__kwdefaults__["seal_at"] = _SEAL_AT


def _obey(orders: socket.socket) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends with its maker
    children: set[int] = set()
    try:
        with orders.makefile("rw") as lines:
            for line in lines:
                _carry_out(json.loads(line), children, orders, lines)
    except ConnectionError:  # its maker has died
        pass
    except BaseException:  # noqa: BLE001 -- whatever it is, an interpreter must not end in the ordinary way here
        traceback.print_exc()
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os._exit(0)  # libraries wait at their end for threads that only the maker has


def _carry_out(order: dict[str, Any], children: set[int], orders: socket.socket, lines: TextIO) -> None:
    if order["do"] == "start":
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become(order)
        children.add(pid)
        _say(lines, pid=pid)
    else:
        _say(lines, status=_status(children, order))


def _say(lines: TextIO, **words: object) -> None:
    lines.write(json.dumps(words) + "\n")
    lines.flush()


def _status(children: set[int], order: dict[str, Any]) -> int | None:
    pid = order["pid"]
    if pid not in children:
        return 0
    if order["do"] == "end":
        os.kill(pid, order["signal"])
    done, status = os.waitpid(pid, 0 if order["do"] == "end" else os.WNOHANG)
    if done == 0:
        return None
    children.discard(pid)
    return status


def _become(order: dict[str, Any]) -> NoReturn:
    """What was forked off: a server or a worker, by the command line."""
    code = 1
    try:
        _settle_in(order)
        from service.cli import main

        sys.argv = ["invariantselect", "serve" if order["what"] == "api" else "worker"]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 -- whatever it is belongs into the log of this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _settle_in(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for name in [name for name in os.environ if name.startswith("INVARIANTSELECT_")]:
        del os.environ[name]
    os.environ.update(order["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from benchmarks.chaos.under_way import tell

    tell(Path(order["under_way"]))
    if order.get("mine"):
        from tests.dying import die_at
        from tests.index.kill_driver import CALLS

        where, nth = order["mine"]
        die_at(CALLS, where, nth)
