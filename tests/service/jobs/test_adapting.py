"""The job `adapt`, with a real encoder: what it makes serves, is right by brute force, and says where it comes from."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from encoders.catalog import load_tower
from encoders.store import load_stored
from index.pool import Pool
from service import code_version
from tests.service.adaptable import Adaptable
from tests.service.jobs.phases import at


def precision(pool: Pool, number: int) -> float:
    """Share of the seven nearest of other domains that have a demonstration's own label, by brute force."""
    snapshot = pool.snapshot(number)
    alive = np.flatnonzero(snapshot.alive)
    vectors = snapshot.vectors(alive)
    domains, labels = snapshot.domains.codes[alive], snapshot.labels.codes[alive]
    scores = np.where(domains[:, None] == domains[None, :], -np.inf, vectors @ vectors.T)
    nearest = np.argsort(-scores, axis=1)[:, :7]
    return float((labels[nearest] == labels[:, None]).mean())


def test_what_is_adapted_in_closed_form_serves(adaptable: Adaptable) -> None:
    id = adaptable.submit()
    result = adaptable.result(adaptable.run(id))
    assert (result.switched, result.version, result.reason, result.winner) == (True, 2, None, "closed_form")
    assert result.score > result.frozen_score + 0.2
    assert [each.name for each in result.contestants] == ["frozen", "closed_form"]
    adaptable.check_serving(2)
    assert precision(adaptable.pool, 2) > precision(adaptable.pool, 1) + 0.2
    assert adaptable.checkpoints(id) == set()
    assert adaptable.log(id) == [
        f"the winner is closed_form: {result.score:.4f}, the frozen encoder {result.frozen_score:.4f}",
        "version 2 serves",
    ]


def test_the_lineage_says_where_a_version_comes_from(adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_version, "version", lambda package: f"0.5 of {package}")
    before = adaptable.pool.version()
    id = adaptable.submit(seed=3)
    result = adaptable.result(adaptable.run(id))
    serving = adaptable.pool.serving()
    assert serving is not None
    lineage = serving.lineage
    parent = {"name": adaptable.pool.encoder, "version": "1", "fingerprint": adaptable.pool.fingerprint}
    assert (lineage["parent"], lineage["pool"]) == (parent, adaptable.pool.key)
    assert (lineage["depth"], lineage["objective"]) == ("closed_form", None)
    assert lineage["snapshot"] == result.snapshot == before
    assert lineage["options"]["request"] == {
        "depth": "closed_form",
        "objective": "cci",
        "options": {},
        "budget_seconds": 600,
        "blocks": 8,
        "seed": 3,
        "force": False,
    }
    assert round(lineage["metrics"]["score"], 4) == result.score
    report = lineage["metrics"]["report"]
    assert report["winner"] == result.winner
    assert [each["name"] for each in report["contestants"]] == ["frozen", "closed_form"]
    assert lineage["code_version"] == "0.5 of invariantselect-server"
    assert (lineage["job"], lineage["admitted"], lineage["reason"]) == (id, True, None)
    kept = load_stored(adaptable.data / "encoders" / serving.encoder).lineage
    assert kept is not None
    assert kept.to_json().items() <= lineage.items()


@pytest.mark.parametrize("depth", ["head", "finetune", "auto"])
def test_each_depth_makes_a_version_that_is_right(
    adaptable: Adaptable, depth: Literal["head", "finetune", "auto"]
) -> None:
    result = adaptable.adapt(depth=depth, blocks=1, objective="supcon", options={"temperature": 0.2})
    assert (result.switched, result.version) == (True, 2)
    adaptable.check_serving(2)
    serving = adaptable.pool.serving()
    assert serving is not None
    learnt = serving.lineage["depth"]
    assert learnt == depth or depth == "auto"
    assert serving.lineage["objective"] == (None if learnt == "closed_form" else "supcon")
    directory = adaptable.data / "encoders" / serving.encoder
    trained = load_tower(serving.encoder, store=adaptable.data / "encoders").fingerprint()
    assert (directory / "weights.safetensors").exists() is (learnt == "finetune")
    assert (trained != adaptable.pool.fingerprint) is (learnt == "finetune")


def test_an_adaptation_of_an_adapted_pool_begins_at_the_frozen_encoder(adaptable: Adaptable) -> None:
    first = adaptable.adapt()
    second = adaptable.adapt(seed=1)
    assert (second.switched, second.version) == (True, 3)
    assert (second.score, second.frozen_score) == (first.score, first.frozen_score)
    assert adaptable.versions() == [(1, "frozen"), (2, "retired"), (3, "serving")]
    assert adaptable.stored() == {2, 3}
    assert adaptable.pool.versions()[2].lineage["parent"]["name"] == adaptable.pool.encoder


def test_progress_is_told_phase_by_phase(adaptable: Adaptable, monkeypatch: pytest.MonkeyPatch) -> None:
    told = at(monkeypatch, "nothing", lambda _: None)
    id = adaptable.submit(depth="finetune", blocks=1)
    adaptable.result(adaptable.run(id))
    phases = list(dict.fromkeys(told))
    assert phases[0] == "loading the encoder"
    assert phases[-2:] == ["encoding the pool", "switching"]
    assert {"validation of frozen", "activations", "fine-tuning, without dusk", "fine-tuning, without noon"} < {*phases}
    events = [event.progress for event in adaptable.services.jobs.events(id, event="progress")]
    written = list(dict.fromkeys(progress.phase for progress in events if progress is not None))
    assert written == phases
    ends = [progress for progress in events if progress and progress.phase == "fine-tuning, all domains"]
    assert (ends[-1].done, ends[-1].total) == (4, 4)
    assert "loss" in ends[-1].figures
