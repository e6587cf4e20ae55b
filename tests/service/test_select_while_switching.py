"""A query that began with one encoder version ends with it, whatever is switched meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
import pytest

from encoders.decode import decode
from encoders.encoder import Encoder
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.adapted_pool import adapt, adapted_encoder, pool_of, switch
from tests.service.conftest import Serve, fill, load_pixel_encoder
from tests.service.pictures import data_uri, png

SELECT = "/v1/pools/p/select"


def expected(query: int, version: int, k: int) -> dict[str, float]:
    encoder = PixelEncoder() if version == 1 else adapted_encoder(version)
    [asked] = encoder.encode([decode(png(query))], ["d1"])
    domains = [f"d{n % 3}" for n in range(24)]
    stored = encoder.encode([decode(png(n)) for n in range(24)], domains)
    scored = {f"d{n % 3}/l{n % 4}/{n}.png": float(stored[n] @ asked) for n in range(24)}
    return dict(sorted(scored.items(), key=lambda each: -each[1])[:k])


def check(selection: dict[str, Any], query: int, version: int) -> None:
    found = {each["id"]: each["score"] for each in selection["demonstrations"]}
    assert found == pytest.approx(expected(query, version, len(found)), abs=1e-6)
    assert selection["encoder_version"] == version


class Gate:
    """Holds a forward pass of query images until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.closed = False

    def load(self, name: str) -> Encoder:
        encoder, gate = load_pixel_encoder(name), self
        forward = encoder.forward

        def held(batch: np.ndarray) -> np.ndarray:
            if gate.closed:
                gate.reached.set()
                assert gate.opened.wait(30)
            return forward(batch)

        encoder.forward = held  # type: ignore[method-assign]
        return encoder


@pytest.mark.parametrize("asked", [{"strategy": "invariant_select"}, {"strategies": ["invariant_select", "random"]}])
@pytest.mark.parametrize("to", ["the next version", "the frozen encoder"])
def test_a_query_in_the_middle_of_a_switch_is_answered_by_the_version_it_began_with(
    serve: Serve, asked: dict[str, Any], to: str
) -> None:
    gate = Gate()
    client = fill(serve(load=gate.load, embedding_cache_bytes=0))
    assert adapt(client).number == 2
    gate.closed = True
    with ThreadPoolExecutor(1) as other:
        body = {"query": {"image": data_uri(99), "domain": "d1"}, "k": 9, **asked}
        waiting = other.submit(client.post, SELECT, json=body)
        assert gate.reached.wait(30)
        if to == "the next version":
            assert adapt(client).number == 3
        else:
            pool_of(client).switch(1, lambda _: np.zeros((0, 16), np.float32))
        gate.closed = False
        gate.opened.set()
        answer = waiting.result(30).json()
    check(answer if "strategy" in asked else answer["selections"]["invariant_select"], 99, 2)
    after = client.post(SELECT, json=body)
    if to == "the next version":
        answer = after.json()
        check(answer if "strategy" in asked else answer["selections"]["invariant_select"], 99, 3)
    else:
        assert after.json()["code"] == "pool_not_adapted"


def test_queries_from_threads_never_mix_versions_while_they_are_switched(serve: Serve) -> None:
    client = fill(serve(workers=4))
    versions = [adapt(client), adapt(client)]
    bodies: list[tuple[str, dict[str, Any], Callable[[dict[str, Any]], list[dict[str, Any]]]]] = [
        ("", {"query": {"image": data_uri(99), "domain": "d1"}, "strategy": "invariant_select"}, lambda a: [a]),
        (
            "",
            {"query": {"image": data_uri(99), "domain": "d1"}, "strategies": ["topk_nearest", "invariant_select"]},
            lambda a: list(a["selections"].values()),
        ),
        (
            ":batch",
            {"queries": [{"image": data_uri(99), "domain": "d1"}] * 3, "strategy": "invariant_select"},
            lambda a: a["selections"],
        ),
    ]
    done = threading.Event()
    seen: set[int] = set()

    def ask(number: int) -> int:
        path, body, selections = bodies[number % len(bodies)]
        asked = 0
        while not done.is_set():
            response = client.post(SELECT + path, json={"k": 5, **body})
            assert response.status_code == 200, response.text
            answers = selections(response.json())
            for answer in answers:
                check(answer, 99, answer["encoder_version"])
                seen.add(answer["encoder_version"])
            assert len({answer["snapshot"] for answer in answers}) == 1
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(ask, number) for number in range(4)]
        try:
            stored = pool_of(client)
            for turn in count():
                switch(stored, versions[turn % 2])
                if turn >= 12 and {2, 3} <= seen:
                    break
        finally:
            done.set()
        assert all(each.result(60) > 0 for each in running)
