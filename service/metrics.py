"""What /metrics tells Prometheus. One registry for each app, so that two apps in a process don't mix.

docs/operations.md has the table of all names; a test holds it to what a driven server tells.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from invariantselect.wire.selections import Selection
from service.code_version import code_version
from service.searched_pools import SearchedPools

__all__ = ["METHODS", "Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JOB_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_IMAGES = (1, 2, 4, 8, 16, 32, 64)
_SIMILARITIES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series and tell nothing


class Metrics:
    """The service's counters. Label values come from bounded sets, so that no client can make series without end.

    Routes are templates, methods and states are known words, and of pools the first ones that are searched have a label
    of their own: see `service.searched_pools`.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._of_requests()
        self._of_stages()
        self._of_selections()
        self._of_stores()
        self._gauge("build_info", "1, with the version of the code.", "version").labels(code_version()).set(1)

    def _of_requests(self) -> None:
        self.requests = self._counter("requests", "Requests.", "method", "route", "status")
        self.request_seconds = self._histogram("request_seconds", "Time to answer a request.", _SECONDS, "route")
        self.in_progress = self._gauge("requests_in_progress", "Requests being answered.")
        self.queued = self._gauge("engine_requests", "Requests that wait for or use the workers.")
        self.refused = self._counter("overloaded", "Requests refused as the queue or the room for bodies was full.")
        self.rate_limited = self._counter(
            "rate_limited", "Requests refused because their key had made too many.", "limit"
        )
        self.queue_wait_seconds = self._histogram(
            "queue_wait_seconds", "Time that a piece of work waited for a thread of the engine.", _SECONDS
        )

    def _of_stages(self) -> None:
        self.stage_seconds = self._histogram(
            "stage_seconds",
            "Time of a stage for an image or a query: decode, encode, search, select.",
            _SECONDS,
            "stage",
        )
        self.images_waiting = self._gauge("images_waiting", "Decoded images that wait for their forward pass.")
        self.batch_images = self._histogram("batch_images", "Images that shared a forward pass.", _IMAGES)
        self.batch_seconds = self._histogram("batch_seconds", "Time of a forward pass, of all its images.", _SECONDS)
        self.cached = self._counter(
            "embedding_cache", "Vectors looked up in the embedding cache, by where they were found.", "found"
        )

    def _of_selections(self) -> None:
        self.selections = self._counter("selections", "Selections made.", "pool", "strategy")
        self.nearest_similarity = self._histogram(
            "nearest_similarity",
            "Cosine similarity of a query from outside to the nearest demonstration that was chosen for it.",
            _SIMILARITIES,
            "pool",
            "strategy",
        )
        self.searched = SearchedPools(
            version=self._gauge("snapshot_version", "Number of the snapshot that was searched last.", "pool"),
            age=self._gauge("snapshot_age_seconds", "Time since a search met that snapshot first.", "pool"),
            encoder=self._gauge(
                "snapshot_encoder_version", "Encoder version that the last search by invariant_select used.", "pool"
            ),
        )

    def _of_stores(self) -> None:
        self.ready = self._gauge("ready", "1 when /readyz answers 200, else 0.")
        self.catalog_up = self._gauge("catalog_up", "1 when the catalog answers, else 0.")
        self.free_bytes = self._gauge("data_free_bytes", "Bytes free on the disk of the data directory.")
        self.jobs = self._gauge("jobs", "Jobs in the table, by kind and state.", "kind", "state")
        self.job_seconds = self._histogram(
            "job_seconds", "Time of a job from its first begin to its end.", _JOB_SECONDS, "kind", "state"
        )
        self.oldest_queued = self._gauge("oldest_queued_job_seconds", "Age of the job that waits longest; 0 for none.")
        self.stale = self._counter(
            "stale_selections", "Selections from the last snapshot that was loaded, as the catalog didn't answer."
        )
        self.catalog_lost = self._gauge(
            "catalog_lost_seconds", "For how long the catalog in PostgreSQL hasn't answered; 0 while it does."
        )
        self.followed = self._counter(
            "snapshots_followed", "Snapshots loaded before a query asked, because another process had written."
        )

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def stage(self, stage: str, milliseconds: float) -> None:
        """Record the time of a stage."""
        self.stage_seconds.labels(stage).observe(milliseconds / 1000)

    def batch(self, images: int, seconds: float) -> None:
        """Record a forward pass."""
        self.batch_images.observe(images)
        self.batch_seconds.observe(seconds)

    def selected(self, selection: Selection, *, from_outside: bool) -> None:
        """Record a selection.

        Args:
            selection: The answer.
            from_outside: Whether the query was an image or a vector. A stored demonstration says nothing of drift.
        """
        self.stage("search", selection.timings.search_ms)
        self.stage("select", selection.timings.select_ms)
        if selection.stale:
            self.stale.inc()
        pool = self.searched.met(selection)
        self.selections.labels(pool, selection.strategy).inc()
        if from_outside and selection.demonstrations and selection.strategy != "random":
            nearest = max(each.score for each in selection.demonstrations)
            self.nearest_similarity.labels(pool, selection.strategy).observe(nearest)

    def exposition(self) -> bytes:
        """The metrics in Prometheus's text format."""
        self.searched.tell_ages()
        return generate_latest(self.registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"invariantselect_{name}_total", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"invariantselect_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"invariantselect_{name}", told, labels, buckets=buckets, registry=self.registry)
