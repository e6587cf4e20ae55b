"""`adapt`, `encoders` and `rollback`, with a real encoder and without a server: what they do and what they print."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from index.pools import Pools
from invariantselect.wire.adaptation import AdaptationResult, AdaptRequest
from invariantselect.wire.objectives import ObjectiveName
from service.cli import job_progress
from service.cli.adapt import adapt
from tests.service.adaptable import check_vectors
from tests.service.cli.conftest import CommandLine, Ended

FAST = ("--pool", "p", "--depth", "closed_form")


def rows(ended: Ended) -> list[list[str]]:
    """The cells of a table."""
    return [re.split(r"\s{2,}", line.strip()) for line in ended.out.splitlines()]


def test_a_pool_is_adapted_here_and_now(real_cli: CommandLine, tmp_path: Path) -> None:
    ended = real_cli("adapt", *FAST)
    assert ended.code == 0
    heading, frozen, adapted, [decision] = rows(ended)
    assert heading == ["candidate", "accuracy", "macro", "precision", "score", "credit", "centred"]
    assert (frozen[0], frozen[-1], adapted[0]) == ("frozen", "–", "closed_form")
    assert decision == (
        f"Version 2 serves: closed_form, {adapted[4]} on domains it had not seen, where the frozen encoder has "
        f"{frozen[4]}."
    )
    assert ended.err.splitlines()[-1] == "version 2 serves"
    with Pools(tmp_path / "data") as pools:
        check_vectors(pools.open("p"), tmp_path / "data")
    answer = real_cli("select", "id:noon/red/0.png", "--pool", "p", "--strategy", "invariant_select", "--json")
    assert answer.json["encoder_version"] == 2


def test_the_job_is_told_as_json_and_followed_as_a_table(real_cli: CommandLine) -> None:
    job = real_cli("adapt", *FAST, "--json").json
    assert (job["kind"], job["pool"], job["state"]) == ("adapt", "p", "succeeded")
    assert AdaptationResult.model_validate(job["result"]).version == 2
    followed = real_cli("jobs", "follow", job["id"])
    assert rows(followed)[0][0] == "candidate"
    assert followed.out.splitlines()[-1].startswith("Version 2 serves: closed_form")


def test_options_reach_the_job(real_cli: CommandLine) -> None:
    id = real_cli(
        *("adapt", "--pool", "p", "--queue", "--depth", "finetune", "--objective", "cross_entropy"),
        *("--option", "temperature=0.07", "-o", "label_smoothing=0", "--budget", "1.5h", "--blocks", "all"),
        *("--seed", "4", "--force"),
    ).out.strip()
    job = real_cli("jobs", "show", id).json
    assert (job["kind"], job["pool"], job["state"]) == ("adapt", "p", "queued")
    assert job["request"] == {
        "depth": "finetune",
        "objective": "cross_entropy",
        "options": {"temperature": 0.07, "label_smoothing": 0},
        "budget_seconds": 5400,
        "blocks": None,
        "seed": 4,
        "force": True,
    }
    words = real_cli("adapt", "--pool", "p", "--queue", "-o", "positives=other_domain").out.strip()
    assert real_cli("jobs", "show", words).json["request"]["options"] == {"positives": "other_domain"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--option", "temperature"], "--option: 'temperature' is not NAME=VALUE"),
        (["--option", "=1"], "--option: '=1' is not NAME=VALUE"),
        (["--option", "margin=1"], "--option: margin: cci has temperature, positives, and not this one"),
        (["--option", "temperature=hot"], "--option: temperature: "),
        (["--option", "temperature=NaN"], "--option: temperature: "),
        (["--objective", "dcl", "-o", "positives=all"], "--option: positives: "),
        (["--objective", "triplet"], "'triplet' is not one of 'cci'"),
        (["--depth", "deepest"], "'deepest' is not one of 'auto'"),
        (["--budget", "soon"], "--budget: 'soon' is no time: 90s, 10m and 2h are"),
        (["--budget", "-1"], "--budget: '-1' is no time"),
        (["--budget", "0m"], "--budget: '0m' is no time to learn anything in"),
        (["--blocks", "few"], "--blocks: 'few' is neither a number from 1 nor 'all'"),
        (["--blocks", "0"], "--blocks: '0' is neither"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_what_is_typed_wrongly_is_told_by_its_flag(real_cli: CommandLine, arguments: list[str], said: str) -> None:
    ended = real_cli("adapt", "--pool", "p", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert real_cli("jobs", "list", "--json").json["jobs"] == []


@pytest.mark.parametrize("command", ["adapt", "encoders", "rollback"])
def test_an_unknown_pool_is_named(real_cli: CommandLine, command: str) -> None:
    ended = real_cli(command, "--pool", "cars")
    assert (ended.code, ended.out) == (1, "")
    assert "'cars'" in ended.err
    assert real_cli("jobs", "list", "--json").json["jobs"] == []


def test_what_fails_says_why_and_what_to_do(real_cli: CommandLine) -> None:
    ended = real_cli("adapt", "--pool", "p", "--depth", "finetune", "--budget", "0.0001s")
    assert (ended.code, ended.out) == (1, "")
    assert "too short to fine-tune this pool here" in ended.err
    assert "take the depth closed_form or head" in ended.err
    told = real_cli("adapt", "--pool", "p", "--depth", "finetune", "--budget", "0.0001s", "--json")
    assert (told.code, told.json["state"], told.json["error"]["code"]) == (1, "failed", "invalid_request")


def test_versions_are_listed_and_gone_back_through(real_cli: CommandLine) -> None:
    for seed in (0, 1):
        assert real_cli("adapt", *FAST, "--seed", seed).code == 0
    heading, *listed = rows(real_cli("encoders", "--pool", "p"))
    assert heading == ["version", "state", "depth", "score", "frozen", "domains", "dimensions", "made (UTC)"]
    assert [row[:3] for row in listed] == [
        ["1", "frozen", "–"],
        ["2", "retired", "closed_form"],
        ["3", "serving", "closed_form"],
    ]
    shown = real_cli("encoders", "--pool", "p", "--json").json
    assert shown["serving_version"] == 3
    assert shown["versions"][2]["lineage"]["metrics"]["report"]["winner"] == "closed_form"

    back = real_cli("rollback", "--pool", "p")
    assert (back.code, back.err) == (0, "p: version 2 serves.\n")
    assert [row[1] for row in rows(back)[1:]] == ["frozen", "serving", "retired"]
    off = real_cli("rollback", "--pool", "p", "--json")
    assert (off.err, off.json["serving_version"]) == ("p: no adapted version serves any more.\n", None)
    nothing = real_cli("rollback", "--pool", "p")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing to go back from" in nothing.err
    assert "invariantselect encoders" in nothing.err
    assert real_cli("rollback", "--pool", "p", "--to", "3", "--json").json["serving_version"] == 3
    unknown = real_cli("rollback", "--pool", "p", "--to", "9")
    assert (unknown.code, "no encoder version 9" in unknown.err) == (1, True)
    assert "invariantselect encoders --pool NAME" in unknown.err
    assert real_cli("rollback", "--pool", "p", "--to", "0").code == 2

    gone = real_cli("discard", "--pool", "p", "--version", "2", "--yes")
    assert (gone.code, gone.out, gone.err) == (0, "", "Discarded version 2 of p.\n")
    assert [row[:2] for row in rows(real_cli("encoders", "--pool", "p"))[1:]] == [["1", "frozen"], ["3", "serving"]]
    for number, why in (("1", "made with"), ("2", "no encoder version 2"), ("3", "serves")):
        refused = real_cli("discard", "--pool", "p", "--version", number)  # before anybody is asked
        assert (refused.code, refused.out, why in refused.err) == (1, "", True), refused.err


def test_one_that_does_not_serve_and_one_that_is_forced_to_are_told_apart(
    real_cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.jobs import adaptation_gate

    monkeypatch.setattr(adaptation_gate, "_against", lambda *_: "it is not wanted")
    refused = real_cli("adapt", *FAST).out.splitlines()[-1]
    assert refused == "Version 2 (closed_form) was made and doesn't serve: it is not wanted."
    forced = real_cli("adapt", *FAST, "--force").out.splitlines()[-1]
    assert forced.startswith("Version 3 serves: closed_form, ")
    assert forced.endswith(" That was forced: it is not wanted.")


def test_ctrl_c_cancels_it_and_leaves_the_pool_as_it_was(
    real_cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = job_progress.show_until_done

    def interrupted(desk: Any, id: str, *_: object) -> None:
        for event in job_progress.events_of(desk, id):
            if event.progress is not None:
                raise KeyboardInterrupt

    monkeypatch.setattr(job_progress, "show_until_done", interrupted)
    ended = real_cli("adapt", "--pool", "p", "--depth", "head")
    assert (ended.code, ended.out) == (130, "")
    [job] = real_cli("jobs", "list", "--json").json["jobs"]
    assert job["state"] == "cancelled"
    assert [version["number"] for version in real_cli("encoders", "--pool", "p", "--json").json["versions"]] == [1]
    assert not (tmp_path / "data" / "encoders").exists()
    monkeypatch.setattr(job_progress, "show_until_done", real)
    assert real_cli("adapt", *FAST).code == 0


def test_flags_offer_what_the_wire_offers_with_the_same_defaults() -> None:
    flags = inspect.signature(adapt, eval_str=True).parameters
    wire = AdaptRequest.model_fields
    assert set(get_args(get_args(flags["depth"].annotation)[0])) == set(get_args(wire["depth"].annotation))
    assert set(get_args(get_args(flags["objective"].annotation)[0])) == set(get_args(ObjectiveName))
    for name in ("depth", "objective", "seed", "force"):
        assert flags[name].default == wire[name].default
    assert (flags["budget"].default, wire["budget_seconds"].default) == ("10m", 600)
    assert flags["blocks"].default == str(wire["blocks"].default)
