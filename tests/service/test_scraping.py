"""What is looked at when Prometheus asks, and what a selection leaves in the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from index.catalog.engine import Catalog
from invariantselect.errors import CatalogUnavailableError
from invariantselect.wire.jobs import RebuildRequest
from invariantselect.wire.selections import Selection
from service import scraping
from service.jobs.claims import claim
from service.jobs.clock import utc_now
from service.jobs.kinds import KINDS
from service.metrics import Metrics
from service.searched_pools import MOST_POOLS, OTHERS
from service.services import Services
from service.tables import job_events
from tests.service.pictures import data_uri


def value_of(text: str, sample: str, **labels: str) -> float:
    """The value of one sample; an error where there is none."""
    found = [
        each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == sample and each.labels == labels
    ]
    (value,) = found
    return value


def services(client: TestClient) -> Services:
    given: Services = client.app.state.services  # type: ignore[attr-defined]
    return given


def scrape(client: TestClient) -> Callable[..., float]:
    text = client.get("/metrics").text
    return lambda sample, **labels: value_of(text, sample, **labels)


def answer(pool: str, snapshot: int, strategy: str = "topk_nearest", version: int = 1) -> Selection:
    return Selection(
        pool=pool,
        snapshot=snapshot,
        encoder="e",
        encoder_version=version,
        fingerprint="f",
        strategy=strategy,
        k=1,
        shortfall=1,
        demonstrations=[],
    )


def test_the_known_kinds_of_jobs_are_all_kinds() -> None:
    assert set(scraping._KINDS) == set(KINDS)


def test_the_ends_of_jobs_begin_at_0(client: TestClient) -> None:
    now = scrape(client)
    for kind in (*KINDS, "other"):
        for state in ("succeeded", "failed", "cancelled"):
            assert now("invariantselect_job_seconds_count", kind=kind, state=state) == 0


def test_jobs_are_counted_by_kind_and_state_and_those_that_end_are_timed(client: TestClient) -> None:
    desk, store = services(client).jobs, services(client).store
    before = scrape(client)
    assert before("invariantselect_jobs", kind="rebuild", state="queued") == 0
    assert before("invariantselect_oldest_queued_job_seconds") == 0
    first, second, third = (desk.submit("rebuild", RebuildRequest(), announce=False).id for _ in range(3))
    unknown = desk.submit("newer", RebuildRequest(), announce=False).id
    for id in (first, second):
        held = claim(store, id, "w", 30)
        assert held is not None
        assert held.succeed({}) if id == first else held.fail({"code": "x"})
    desk.cancel(unknown)
    with store.writing() as connection:
        long_ago = utc_now() - timedelta(seconds=500)
        connection.execute(update(job_events).where(job_events.c.job_id == third).values(at=long_ago))
    for _ in range(2):  # what ended is told once
        now = scrape(client)
        assert now("invariantselect_jobs", kind="rebuild", state="queued") == 1
        assert now("invariantselect_jobs", kind="rebuild", state="succeeded") == 1
        assert now("invariantselect_jobs", kind="rebuild", state="failed") == 1
        assert now("invariantselect_jobs", kind="other", state="cancelled") == 1
        assert now("invariantselect_job_seconds_count", kind="rebuild", state="succeeded") == 1
        assert now("invariantselect_job_seconds_count", kind="other", state="cancelled") == 1
        assert 500 <= now("invariantselect_oldest_queued_job_seconds") < 600
    desk.retry(second)
    held = claim(store, second, "w", 30)
    assert held is not None
    held.fail({"code": "x"})
    assert scrape(client)("invariantselect_job_seconds_count", kind="rebuild", state="failed") == 2


def test_a_catalog_that_does_not_answer_is_told_and_the_rest_all_the_same(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Catalog) -> None:
        raise CatalogUnavailableError("gone")

    assert scrape(client)("invariantselect_catalog_up") == 1
    monkeypatch.setattr(Catalog, "reading", refuse)
    now = scrape(client)
    assert now("invariantselect_catalog_up") == 0
    assert now("invariantselect_data_free_bytes") > 0


def test_readiness_is_a_figure_too(client: TestClient) -> None:
    while client.get("/readyz").status_code != 200:
        time.sleep(0.01)
    assert scrape(client)("invariantselect_ready") == 1
    client.app.state.closing.set()  # type: ignore[attr-defined]
    assert scrape(client)("invariantselect_ready") == 0


def test_queries_from_outside_are_compared_with_their_nearest_demonstration(pool: TestClient) -> None:
    def count(**labels: str) -> float:
        return scrape(pool)("invariantselect_nearest_similarity_count", pool="p", **labels)

    path = "/v1/pools/p/select"
    stored = {"id": "d0/l0/0.png"}
    one = pool.post(path, json={"query": {"image": data_uri(90)}, "k": 3}).json()
    pool.post(path, json={"query": stored})
    pool.post(path, json={"query": {"image": data_uri(91)}, "strategy": "random"})
    pool.post(f"{path}:batch", json={"queries": [{"image": data_uri(92)}, stored, {"image": "data:,x"}]})
    now = scrape(pool)
    assert count(strategy="topk_nearest") == 2
    nearest = max(each["score"] for each in one["demonstrations"])
    batch = pool.post(path, json={"query": {"image": data_uri(92)}}).json()["demonstrations"]
    expected = nearest + max(each["score"] for each in batch)
    total = now("invariantselect_nearest_similarity_sum", pool="p", strategy="topk_nearest")
    assert total == pytest.approx(expected, abs=1e-6)
    assert now("invariantselect_selections_total", pool="p", strategy="topk_nearest") == 4
    assert now("invariantselect_selections_total", pool="p", strategy="random") == 1
    assert now("invariantselect_snapshot_version", pool="p") == one["snapshot"]


def test_a_forward_pass_is_told_with_its_images_and_work_with_its_wait(pool: TestClient) -> None:
    before = scrape(pool)
    images = [data_uri(200 + number) for number in range(5)]
    assert pool.post("/v1/embeddings", json={"input": images}).status_code == 200
    after = scrape(pool)
    assert after("invariantselect_batch_images_sum") - before("invariantselect_batch_images_sum") == 5
    assert after("invariantselect_batch_seconds_count") > before("invariantselect_batch_seconds_count")
    assert after("invariantselect_queue_wait_seconds_count") > before("invariantselect_queue_wait_seconds_count")


def test_pools_beyond_the_most_share_one_label_and_show_no_snapshot() -> None:
    metrics = Metrics()
    for number in range(MOST_POOLS + 20):
        metrics.selected(answer(f"p{number}", 3), from_outside=True)
    text = metrics.exposition().decode()
    assert value_of(text, "invariantselect_selections_total", pool="p0", strategy="topk_nearest") == 1
    assert value_of(text, "invariantselect_selections_total", pool=OTHERS, strategy="topk_nearest") == 20
    shown = [line for line in text.splitlines() if line.startswith("invariantselect_snapshot_version{")]
    assert len(shown) == MOST_POOLS
    assert not any(OTHERS in line for line in shown)


def test_a_snapshot_is_as_old_as_the_first_search_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, now = Metrics(), [1000.0]
    monkeypatch.setattr("service.searched_pools.time.monotonic", lambda: now[0])

    def told() -> tuple[float, float]:
        text = metrics.exposition().decode()
        return (
            value_of(text, "invariantselect_snapshot_version", pool="p"),
            value_of(text, "invariantselect_snapshot_age_seconds", pool="p"),
        )

    metrics.selected(answer("p", 7), from_outside=True)
    now[0] += 30
    metrics.selected(answer("p", 7), from_outside=True)
    assert told() == (7, 30)
    metrics.selected(answer("p", 8, "invariant_select", version=4), from_outside=True)
    now[0] += 5
    metrics.selected(answer("p", 7), from_outside=True)  # began earlier and ended later
    assert told() == (8, 5)
    now[0] += 61
    metrics.selected(answer("p", 2), from_outside=True)  # dropped, and made again
    assert told() == (2, 0)
    assert value_of(metrics.exposition().decode(), "invariantselect_snapshot_encoder_version", pool="p") == 4
