"""The worker that a server starts for itself: a process of its own, which ends when the server does, however."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

import structlog

from service.settings import Settings

__all__ = ["EmbeddedWorker"]

_log = structlog.get_logger("service.jobs.embedded")

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_NICENESS = 10


class EmbeddedWorker:
    """Keeps one worker process running: ``with EmbeddedWorker(settings): …``. One that dies is started anew.

    Args:
        settings: Of the server.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closing = threading.Event()
        self._hurried = threading.Event()
        self._lifeline: Connection | None = None
        self._keeper = threading.Thread(target=self._keep, name="embedded-worker", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._keeper.join()

    def stop(self) -> None:
        """Tell the worker to stop, without waiting for it: its job goes back into the queue at the next checkpoint."""
        self._closing.set()
        if self._lifeline is not None:
            self._lifeline.close()

    def hurry(self) -> None:
        """Wait no longer for a worker that was told to stop; who runs its job next finds it stale."""
        self._hurried.set()

    def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            process = self._start()
            while process.is_alive() and not self._closing.is_set():
                process.join(0.1)
            if self._closing.is_set():
                self._end(process)
                return
            _log.error("embedded_worker_died", exit_code=process.exitcode, again_in_seconds=pause)
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _start(self) -> BaseProcess:
        # Spawned, never forked: FAISS and torch hang after a fork.
        context = multiprocessing.get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(self._settings, theirs), name="worker")
        process.start()
        theirs.close()
        self._lifeline = ours
        if self._closing.is_set():
            ours.close()
        return process

    def _end(self, process: BaseProcess) -> None:
        deadline = time.monotonic() + self._settings.shutdown_seconds + 1
        while process.is_alive() and not self._hurried.is_set() and time.monotonic() < deadline:
            process.join(0.1)
        if process.is_alive():
            process.kill()
            process.join()


def _work(settings: Settings, lifeline: Connection) -> None:
    """The worker's process. The server never writes into the lifeline: it is closed when the server ends."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # it shares the server's cores, and queries come first
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server too, which then closes the lifeline
    stop: list[Callable[[], None]] = []
    lock = threading.Lock()
    begun = False

    def follow() -> None:
        lifeline.poll(None)
        with lock:
            if not begun:
                os._exit(0)
        stop[0]()

    def begin(stop_worker: Callable[[], None]) -> None:
        nonlocal begun
        with lock:
            stop.append(stop_worker)
            begun = True

    threading.Thread(target=follow, name="lifeline", daemon=True).start()
    from service.jobs.worker import run_worker  # takes seconds, in which the server may be gone already
    from service.logs import configure_logs

    configure_logs(settings)
    run_worker(settings, begun=begin)
