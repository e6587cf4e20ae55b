"""Queries and writes go on while a job adapts and switches: each is answered, rightly, by the version it names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from encoders.catalog import load_encoder
from service.services import Services
from tests.service.adaptable import check_vectors, run_job
from tests.service.jobs.place import wait_until
from tests.service.shifted import DOMAINS, LABELS, draw, uri_of

BOTH = ["topk_nearest", "invariant_select"]
QUERY = draw("noon", "red", 99)


@dataclass
class Traffic:
    """What clients do all the time, and what they were answered."""

    client: TestClient
    over: threading.Event = field(default_factory=threading.Event)
    answers: list[dict[str, Any]] = field(default_factory=list)
    written: int = 0

    def ask(self) -> None:
        body = {"query": {"image": uri_of(QUERY), "domain": "noon"}, "strategies": BOTH, "k": 9}
        while not self.over.is_set():
            response = self.client.post("/v1/pools/p/select", json=body)
            assert response.status_code == 200, response.text
            self.answers += response.json()["selections"].values()

    def write(self) -> None:
        """Take in, relabel, move to another domain, and delete every other one."""
        path = "/v1/pools/p/demonstrations"
        while not self.over.is_set():
            domain, label = DOMAINS[self.written % 3], LABELS[self.written // 3 % 3]
            id = f"{domain}/{label}/{100 + self.written}.png"
            image = uri_of(draw(domain, label, 100 + self.written))
            new = {"id": id, "image": image, "label": label, "domain": domain}
            self.check(200, self.client.post, f"{path}:upsert", json={"demonstrations": [new]})
            self.check(200, self.client.patch, f"{path}/{id}", json={"domain": "noon", "group": "g"})
            if self.written % 2:
                self.check(204, self.client.delete, f"{path}/{id}")
            self.written += 1

    def check(self, status: int, call: Callable[..., Any], path: str, **body: Any) -> None:
        response = call(path, **body)
        assert response.status_code == status, response.text
        if "upsert" in path:
            assert response.json()["failed"] == 0, response.text

    def seen(self) -> set[int]:
        return {answer["encoder_version"] for answer in self.answers}


def check_answers(answers: list[dict[str, Any]], names: dict[int, str], store: Path) -> None:
    """Each score is that of the image, in one of the domains that it had, by the version that the answer names."""
    for number, name in names.items():
        encoder = load_encoder(name, store=store, device="cpu", runtime="torch")
        [asked] = encoder.encode([QUERY], ["noon"])
        found = [each for answer in answers if answer["encoder_version"] == number for each in answer["demonstrations"]]
        pairs = sorted({(each["id"], each["domain"]) for each in found})
        drawn = [draw(domain, label, int(name[:-4])) for domain, label, name in (id.split("/") for id, _ in pairs)]
        vectors = encoder.encode(drawn, [domain for _, domain in pairs])
        wanted = {pair: float(vector @ asked) for pair, vector in zip(pairs, vectors, strict=True)}
        for each in found:
            assert each["score"] == pytest.approx(wanted[each["id"], each["domain"]], abs=1e-5)


@pytest.mark.parametrize("depth", ["closed_form", "finetune"])
def test_every_answer_is_right_by_the_version_it_names_and_every_write_is_in_it(
    adaptable_client: TestClient, tmp_path: Path, depth: str
) -> None:
    client = adaptable_client
    services: Services = client.app.state.services  # type: ignore[attr-defined]

    def adapt(depth: str) -> Any:
        id = client.post("/v1/pools/p/adapt", json={"depth": depth, "blocks": 1, "force": True}).json()["id"]
        job = run_job(services, id)
        assert job.state == "succeeded", job.error
        return (job.result or {})["version"]

    assert adapt("closed_form") == 2
    traffic = Traffic(client)
    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(does) for does in (traffic.ask, traffic.ask, traffic.write)]
        try:
            wait_until(lambda: (traffic.seen() == {1, 2} and traffic.written) or any(each.done() for each in running))
            assert adapt(depth) == 3
            wait_until(lambda: 3 in traffic.seen() or any(each.done() for each in running))
        finally:
            traffic.over.set()
        for each in running:
            each.result(60)
    pool = services.pools.open("p")
    assert traffic.seen() == {1, 2, 3}
    names = {version.number: version.encoder for version in pool.versions()}
    check_answers(traffic.answers, names, tmp_path / "data" / "encoders")
    assert pool.summary().demonstrations == 36 + (traffic.written + 1) // 2
    check_vectors(pool, tmp_path / "data")
