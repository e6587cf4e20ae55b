"""The worker: a process that does jobs one at a time until it is told to stop."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from huey.consumer import Consumer

from invariantselect.errors import CatalogUnavailableError
from service.embedding.encoder_shelf import EncoderLoader
from service.jobs.kind import JobKind
from service.jobs.kinds import KINDS
from service.jobs.running import Runner
from service.jobs.sweeping import forget_details, remove_leftovers, remove_untouched, sweep
from service.metrics import Metrics
from service.services import Services, open_services
from service.settings import Settings

__all__ = ["run_worker", "worker_name"]

_log = structlog.get_logger("service.jobs.worker")

_SWEEPS = 3  # in the time after which a worker counts as dead
_CLEAN_EVERY_S = 86400.0
_REMOVING_S = 2.0  # of a sweep: jobs are to be announced, too


def worker_name() -> str:
    """A name that no other worker has: machine, process and 32 random bits."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"


def run_worker(
    settings: Settings,
    *,
    load: EncoderLoader | None = None,
    kinds: Mapping[str, JobKind[Any]] = KINDS,
    begun: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Do jobs until SIGINT or SIGTERM; the job that runs then is put back into the queue at its next checkpoint. The
    second signal waits for no checkpoint.

    To be called in a process's main thread. Start more processes to do more jobs at once.

    Args:
        settings: Data directory, broker, encoders, limits.
        load: Loads an encoder by name, in place of the catalog of encoders.
        kinds: What can be done, by name.
        begun: Called when it is about to take jobs, with a function that stops it from another thread.
    """
    services = open_services(settings, Metrics(), load)
    name = worker_name()
    consumer: Consumer

    def run(id: str) -> None:
        try:
            runner.run(id)
        except CatalogUnavailableError as error:
            _log.warning("job_left", job=id, error=error.detail, consequence="a sweep announces it again")

    consumer = services.queue.consumer(run, patience=settings.shutdown_seconds)
    stopped = consumer.stop_flag
    runner = Runner(
        services, services.store, kinds, worker=name, stopping=stopped.is_set, put_back=services.queue.announce
    )
    sweeper = threading.Thread(target=_sweep, args=(services, stopped), name="sweeper", daemon=True)
    sweeper.start()
    if begun is not None:
        begun(stopped.set)
    _log.info("worker_begun", worker=name, data=str(settings.data))
    try:
        consumer.run()
    finally:
        stopped.set()
    _end(services, [thread for _, thread in consumer.worker_threads] + [sweeper])
    _log.info("worker_ended", worker=name)


def _sweep(services: Services, stopped: threading.Event) -> None:
    pause = services.settings.job_stale_seconds / _SWEEPS
    cleaned: float | None = None
    while True:
        _attempt(partial(_announce_again, services))
        if cleaned is None or time.monotonic() - cleaned > _CLEAN_EVERY_S:
            cleaned = time.monotonic()
            _attempt(partial(_clean_up, services, stopped))
        _attempt(partial(_finish_removals, services, stopped))
        if stopped.wait(pause):
            return


def _attempt(step: Callable[[], None]) -> None:
    """Do one of several things; the others don't wait for it, and the next time it may be well."""
    try:
        step()
    except CatalogUnavailableError as error:
        _log.warning("sweep_failed", error=error.detail)
    except Exception:  # noqa: BLE001 -- an error of the disk, or a defect; the thread goes on
        _log.exception("sweep_failed")


def _announce_again(services: Services) -> None:
    announced = sweep(services.store, services.queue, services.settings.job_stale_seconds)
    if announced:
        _log.info("jobs_announced_again", jobs=announced)


def _clean_up(services: Services, stopped: threading.Event) -> None:
    remove_leftovers(services.store, services.settings.data / "jobs")
    forget_details(services.store, services.settings.job_log_days, stopped.is_set)
    remove_untouched(services.settings.lmm_answers, services.settings.lmm_answer_days, stopped.is_set)


def _finish_removals(services: Services, stopped: threading.Event) -> None:
    end = time.monotonic() + _REMOVING_S
    services.pools.finish_removals(lambda: stopped.is_set() or time.monotonic() > end)


def _end(services: Services, threads: list[threading.Thread]) -> None:
    if threading.current_thread() is threading.main_thread():
        for again in (signal.SIGINT, signal.SIGTERM):
            signal.signal(again, lambda *_: os._exit(1))  # told twice: its job is taken over when its claim is stale
    deadline = time.monotonic() + services.settings.shutdown_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        _log.warning("worker_gave_up", consequence="the job that doesn't stop is taken over when its claim is stale")
        os._exit(1)  # to wind down beneath a thread that computes is to crash
    services.close()
