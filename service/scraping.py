"""What is looked at when Prometheus asks: readiness, the disk, the catalog and the table of jobs."""

from __future__ import annotations

import shutil
import threading

import structlog

from invariantselect.errors import CatalogUnavailableError, NotReadyError, StoreCorruptError
from service.jobs.tally import JobTally, Standing
from service.metrics import Metrics
from service.readiness import readiness
from service.services import Services

__all__ = ["Scraper"]

_log = structlog.get_logger("service.scraping")

_KINDS = ("adapt", "evaluate", "import", "rebuild")  # of service.jobs.kinds, which brings what workers need
_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
_ENDED = ("succeeded", "failed", "cancelled")
_OTHER = "other"


class Scraper:
    """Brings the figures up to date that no request counts. Thread-safe."""

    def __init__(self) -> None:
        self._tally = JobTally()
        self._lock = threading.Lock()

    def scrape(self, services: Services, *, closing: bool) -> bytes:
        """All metrics in Prometheus's text format.

        Args:
            services: Of the app.
            closing: Whether the server was told to stop.
        """
        metrics = services.metrics
        with self._lock:
            self._look_at_disk(services)
            self._look_at_jobs(services)
            metrics.ready.set(_is_ready(services, closing))  # the look may have found the catalog away
            return metrics.exposition()

    @staticmethod
    def begin(metrics: Metrics) -> None:
        """Show every kind and end of jobs as 0: an increase from nothing to 1 is none to Prometheus."""
        for kind in (*_KINDS, _OTHER):
            for state in _ENDED:
                metrics.job_seconds.labels(kind, state)

    def _look_at_disk(self, services: Services) -> None:
        try:
            services.metrics.free_bytes.set(shutil.disk_usage(services.settings.data).free)
        except OSError as error:
            _log.warning("disk_not_told", error=error.strerror)

    def _look_at_jobs(self, services: Services) -> None:
        try:
            with services.store.reading() as connection:
                standing = self._tally.look(connection)
        except (CatalogUnavailableError, StoreCorruptError) as error:
            services.metrics.catalog_up.set(0)  # what was known of jobs stays: an empty table would look like peace
            _log.warning("catalog_not_scraped", error=error.detail)
            return
        services.metrics.catalog_up.set(1)
        _show(services.metrics, standing)


def _is_ready(services: Services, closing: bool) -> bool:
    try:
        readiness(services, closing=closing)
    except NotReadyError:
        return False
    return True


def _show(metrics: Metrics, standing: Standing) -> None:
    shown = dict.fromkeys(((kind, state) for kind in _KINDS for state in _STATES), 0)
    for (kind, state), count in standing.counts.items():
        key = (_label(kind), state)
        shown[key] = shown.get(key, 0) + count
    for (kind, state), count in shown.items():
        metrics.jobs.labels(kind, state).set(count)
    for ended in standing.ended:
        metrics.job_seconds.labels(_label(ended.kind), ended.state).observe(ended.seconds)
    metrics.oldest_queued.set(standing.longest_wait)


def _label(kind: str) -> str:
    return kind if kind in _KINDS else _OTHER  # of a job that a newer server has queued
