"""What /metrics tells Prometheus. One registry for each app, so that two apps in a process don't mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The service's counters. Label values come from fixed sets, so that no client can make series without end."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "invariantselect_requests_total", "Requests.", ["method", "route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "invariantselect_request_seconds",
            "Time to answer a request.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "invariantselect_requests_in_progress", "Requests being answered.", registry=self.registry
        )
        self.stage_seconds = Histogram(
            "invariantselect_stage_seconds",
            "Time of a stage for one image or query: decode, encode, search, select.",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queued = Gauge(
            "invariantselect_engine_requests", "Requests that wait for or use the workers.", registry=self.registry
        )
        self.refused = Counter(
            "invariantselect_overloaded_total", "Requests refused because the queue was full.", registry=self.registry
        )
        self.rate_limited = Counter(
            "invariantselect_rate_limited_total",
            "Requests refused because their key had made too many.",
            ["limit"],
            registry=self.registry,
        )
        self.images_waiting = Gauge(
            "invariantselect_images_waiting", "Decoded images that wait for their forward pass.", registry=self.registry
        )
        self.batch_images = Histogram(
            "invariantselect_batch_images",
            "Images of a forward pass.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self.cached = Counter(
            "invariantselect_embedding_cache_total",
            "Vectors looked up in the embedding cache, by where they were found.",
            ["found"],
            registry=self.registry,
        )
        self.stale = Counter(
            "invariantselect_stale_selections_total",
            "Selections from the last snapshot that was loaded, because the catalog didn't answer.",
            registry=self.registry,
        )
        self.catalog_lost = Gauge(
            "invariantselect_catalog_lost_seconds",
            "For how long the catalog in PostgreSQL hasn't answered; 0 while it does.",
            registry=self.registry,
        )
        self.followed = Counter(
            "invariantselect_snapshots_followed_total",
            "Snapshots loaded before a query asked for them, because another process had written.",
            registry=self.registry,
        )

    def request_done(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)

    def stage(self, stage: str, milliseconds: float) -> None:
        """Record the time of a stage."""
        self.stage_seconds.labels(stage).observe(milliseconds / 1000)

    def exposition(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)
