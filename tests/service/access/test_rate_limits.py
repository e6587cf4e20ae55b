"""Requests are counted per key, in memory and in a real Redis that goes away; the SDK waits as it is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from invariantselect import Client
from invariantselect.errors import RateLimitedError
from service.access.keys import create_key
from service.access.rate_limits import RateLimits
from service.metrics import Metrics
from service.settings import Settings
from service.store import open_store
from tests.client.live_service import live_service
from tests.redis_server import RealRedis, needs_redis
from tests.service.conftest import Serve
from tests.service.http.test_problems import check_problem

Limited = Callable[..., RateLimits]


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    """Counters with given settings, closed at the end."""
    opened: list[RateLimits] = []

    def make(*, pause: float = 0.2, **settings: Any) -> RateLimits:
        opened.append(RateLimits(Settings(data=tmp_path, **settings), Metrics(), pause=pause))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path)
    server.start()
    yield server
    server.kill()


def admitted(limits: RateLimits, who: str, times: int, *, write: bool = False) -> int:
    """How many of so many requests are let in."""
    count = 0
    for _ in range(times):
        try:
            limits.count(who, write=write)
        except RateLimitedError:
            continue
        count += 1
    return count


def test_without_limits_nothing_is_counted(limited: Limited) -> None:
    limits = limited()
    assert not limits.any
    assert admitted(limits, "a", 1000) == 1000


def test_each_has_their_own_count(limited: Limited) -> None:
    limits = limited(rate_limit="5/day")
    assert [admitted(limits, who, 9) for who in ("a", "b", "a")] == [5, 5, 0]


def test_writes_count_in_both_limits(limited: Limited) -> None:
    limits = limited(rate_limit="10/day", rate_limit_write="3/day")
    assert admitted(limits, "a", 5, write=True) == 3
    assert admitted(limits, "a", 20) == 7  # a write that was refused is counted nowhere
    assert admitted(limited(rate_limit_write="3/day"), "a", 50) == 50


def test_a_write_refused_for_another_limit_uses_up_no_write(limited: Limited) -> None:
    limits = limited(rate_limit="3/hour", rate_limit_write="5/day")
    assert admitted(limits, "a", 3) == 3
    assert admitted(limits, "a", 9, write=True) == 0
    item = limits._writes[0][1]
    assert limits._own is not None
    assert limits._own.get_window_stats(item, "writes:a").remaining == 5


def test_a_refusal_says_what_the_limit_is_and_when_to_come_again(limited: Limited) -> None:
    limits = limited(rate_limit_write="2/hour")
    admitted(limits, "a", 2, write=True)
    with pytest.raises(RateLimitedError, match="more than 2 writes in 3600 s") as refused:
        limits.count("a", write=True)
    assert refused.value.context == {
        "retry_after": refused.value.context["retry_after"],
        "limited": "writes",
        "quota": 2,
        "window_seconds": 3600,
    }
    assert 1 <= refused.value.context["retry_after"] <= 3600


def test_no_burst_of_twice_the_limit_fits_around_a_turn(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 60 * 29_000_000 + 59.0  # the last second of a minute
    monkeypatch.setattr(time, "time", lambda: now)
    limits = limited(rate_limit="60/minute")
    assert admitted(limits, "a", 200) == 60
    let_in = []
    for _ in range(60):
        now += 1
        let_in.append(admitted(limits, "a", 200))
    assert max(let_in) <= 2  # one a second, as the minute before goes out of sight
    assert 58 <= sum(let_in) <= 60


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=needs_redis)])
def test_whoever_waits_as_told_is_let_in(limited: Limited, shared: bool, request: pytest.FixtureRequest) -> None:
    settings = {"redis_url": request.getfixturevalue("redis").url} if shared else {}
    limits = limited(rate_limit="3/second", **settings)
    for _ in range(3):
        with pytest.raises(RateLimitedError) as refused:  # noqa: PT012
            for _ in range(4):
                limits.count("a", write=False)
        assert refused.value.context["retry_after"] == 1
        time.sleep(1)
        limits.count("a", write=False)


def test_threads_together_get_no_more_than_one_would(limited: Limited) -> None:
    limits = limited(rate_limit="50/day")
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: admitted(limits, "a", 20), range(8))) <= 50


@needs_redis
def test_servers_share_the_counts_through_redis(limited: Limited, redis: RealRedis) -> None:
    one, other = (limited(rate_limit="6/day", redis_url=redis.url) for _ in range(2))
    assert admitted(one, "a", 4) + admitted(other, "a", 4) == 6
    assert admitted(other, "b", 1) == 1
    assert admitted(limited(rate_limit="6/day"), "a", 9) == 6  # one that has no Redis counts alone


@needs_redis
def test_a_lost_redis_blocks_nobody_and_is_told_once(
    limited: Limited, redis: RealRedis, caplog: pytest.LogCaptureFixture
) -> None:
    limits = limited(rate_limit="5/day", redis_url=redis.url, pause=0.05)
    assert admitted(limits, "a", 9) == 5
    redis.kill()
    assert admitted(limits, "a", 9) == 5  # counted here from now on
    for _ in range(3):
        time.sleep(0.06)  # it is asked again
        assert admitted(limits, "a", 1) == 0
    caplog.set_level(logging.INFO)
    redis.start()
    deadline = time.monotonic() + 20
    while not any(each.message == "redis_found_again" for each in caplog.records):
        assert time.monotonic() < deadline
        admitted(limits, "b", 1)
        time.sleep(0.06)
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == ["redis_lost"]


@needs_redis
def test_a_redis_that_hangs_costs_no_more_than_the_cache_allows(limited: Limited, redis: RealRedis) -> None:
    limits = limited(rate_limit="100/day", rate_limit_write="100/day", redis_url=redis.url, pause=60)
    limits.count("a", write=True)
    redis.stop_answering()
    began = time.monotonic()
    assert admitted(limits, "a", 30, write=True) == 30
    redis.answer_again()
    assert time.monotonic() - began < 5  # two attempts of a quarter of a second each, then none; sixty would be 15 s


@needs_redis
def test_a_server_starts_without_its_redis(limited: Limited) -> None:
    limits = limited(rate_limit="5/day", redis_url="redis://127.0.0.1:1/0")
    assert admitted(limits, "a", 9) == 5


def test_a_key_that_asks_too_often_gets_429_and_others_do_not(serve: Serve, tmp_path: Path) -> None:
    client = serve(auth="on", rate_limit="4/hour", rate_limit_write="1/hour")
    store = open_store(tmp_path / "data")
    one, other = ({"authorization": f"Bearer {create_key(store, scope).secret}"} for scope in ("admin", "read"))
    store.close()
    assert client.post("/v1/pools", json={"name": "p"}, headers=one).status_code == 201
    refused = client.post("/v1/pools", json={"name": "q"}, headers=one)
    check_problem(refused, 429, "rate_limited")
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 3600
    assert refused.headers["ratelimit-policy"] == '"writes";q=1;w=3600'
    assert refused.headers["ratelimit"] == f'"writes";r=0;t={seconds}'
    asked = [client.get("/v1/pools", headers=one) for _ in range(5)]
    assert [response.status_code for response in asked] == [200, 200, 200, 429, 429]
    assert asked[-1].headers["ratelimit-policy"] == '"requests";q=4;w=3600'
    refusals = [client.get("/v1/pools", headers=other).status_code for _ in range(4)]
    assert refusals == [200] * 4
    metrics = client.get("/metrics", headers=one).text
    assert 'invariantselect_rate_limited_total{limit="writes"} 1.0' in metrics
    assert 'invariantselect_rate_limited_total{limit="requests"} 2.0' in metrics


def test_what_lacks_the_scope_counts_and_what_has_no_key_does_not(serve: Serve, tmp_path: Path) -> None:
    client = serve(auth="on", rate_limit="3/hour")
    store = open_store(tmp_path / "data")
    headers = {"authorization": f"Bearer {create_key(store, 'read').secret}"}
    store.close()
    assert [client.delete("/v1/pools/p", headers=headers).status_code for _ in range(4)] == [403, 403, 403, 429]
    assert {client.get("/v1/pools").status_code for _ in range(9)} == {401}


def test_health_and_metrics_are_not_limited(serve: Serve) -> None:
    client = serve(rate_limit="1/hour")
    client.get("/v1/pools")
    check_problem(client.get("/v1/pools"), 429, "rate_limited")  # by address, where no keys are asked for
    for path in ("/livez", "/readyz", "/metrics"):
        assert {client.get(path).status_code for _ in range(5)} == {200}


def test_the_sdk_waits_as_it_is_told(tmp_path: Path) -> None:
    with live_service(tmp_path, rate_limit="2/second") as url:
        with Client(url, max_retries=3) as client:
            began = time.monotonic()
            for _ in range(4):
                assert client.pools() == []
            assert time.monotonic() - began > 1
        with Client(url, max_retries=0) as client:
            with pytest.raises(RateLimitedError) as refused:  # noqa: PT012
                for _ in range(9):
                    client.pools()
            assert refused.value.context["retry_after"] >= 1
            assert "Retry-After" in refused.value.hint


@pytest.mark.parametrize("rate", ["many", "0/minute", "5", "5/fortnight", "5/minute;6/hour", "-1/second", "1.5/hour"])
@pytest.mark.parametrize("name", ["rate_limit", "rate_limit_write"])
def test_a_rate_that_makes_no_sense_is_refused(name: str, rate: str) -> None:
    with pytest.raises(ValidationError, match="a number a second, minute, hour or day"):
        Settings(**{name: rate})  # type: ignore[arg-type]
