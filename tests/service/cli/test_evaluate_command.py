"""`evaluate`, with a real encoder and without a server: what it writes, that it is right, and how it goes on."""

from __future__ import annotations

import csv
import inspect
import json
import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest

from evaluation.answers.journal import Journal
from invariantselect.wire.evaluation import EvaluateRequest, EvaluationResult
from service.cli.evaluate import evaluate
from tests.evaluation.recomputed import recomputed
from tests.service.cli.conftest import CommandLine, Ended

FAST = ("evaluate", "--pool", "p", "--shots", "0,1,3")
HEADING = ["learner", "strategy", "shots", "accuracy", "macro", "mean over folds", "macro over folds", "unanswered"]


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


def run(cli: CommandLine, out: Path, *more: object) -> Ended:
    return cli(*FAST, *([] if "--queue" in more else ["--out", out]), *more)


def test_the_table_the_report_and_every_answer(real_cli: CommandLine, out: Path) -> None:
    ended = run(real_cli, out, "--learner", "vote", "--learner", "probe")
    assert ended.code == 0, ended.err
    heading, *rows = [cells(line) for line in ended.out.splitlines()]
    assert heading == HEADING
    assert [row[:3] for row in rows[:7]] == [
        ["vote", "none", "0"],
        *(["vote", name, k] for name in ("random", "topk_nearest", "invariant_select") for k in "13"),
    ]
    assert [row[0] for row in rows[7:21]] == ["logistic"] * 7 + ["naive_bayes"] * 7
    assert rows[0][3:] == ["0.000 [0.000, 0.000]"] * 4 + ["100.0%"]
    assert "leave-one-domain-out; queries of demonstrations: dusk (12 of 24), glare (12 of 24)" in ended.out
    assert "Wrote" in ended.err
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "InvariantSelect" in page
    assert "data:image/" in page
    with (out / "answers.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 36 * 7 * 3
    maps = json.loads((out / "report.json").read_text())["maps"]
    assert [(each["fold"], each["after"] is not None) for each in maps] == [
        ("dusk", True),
        ("glare", True),
        ("noon", True),
    ]


def test_all_figures_are_those_that_the_table_of_answers_gives(real_cli: CommandLine, out: Path) -> None:
    told = EvaluationResult.model_validate(run(real_cli, out, "--learner", "vote", "--learner", "probe", "--json").json)
    values = json.loads((out / "report.json").read_text())
    again = recomputed(out / "answers.csv")
    assert len(again) == len(told.rows) == len(values["rows"]) == 21
    close = lambda value: pytest.approx(value, abs=1e-9)  # noqa: E731
    shown_by = {(row["strategy"], row["shots"], row["learner"]): row for row in values["rows"]}
    assert shown_by.keys() == again.keys()
    for row in told.rows:
        shown, expected = (by[row.strategy, row.shots, row.learner] for by in (shown_by, again))
        for name in ("queries", "unanswered"):
            assert getattr(row, name) == shown[name] == close(expected[name])
        for name in ("accuracy", "macro_accuracy", "fold_mean", "fold_mean_macro"):
            figure = getattr(row, name)
            assert figure.model_dump() == shown[name]
            assert figure.value == close(expected[name])
            assert figure.low <= figure.value <= figure.high
        for fold, (accuracy, macro) in expected["folds"].items():  # type: ignore[attr-defined]
            assert shown["folds"][fold]["accuracy"]["value"] == close(accuracy)
            assert shown["folds"][fold]["macro_accuracy"]["value"] == close(macro)
        for name in ("recall", "precision", "cross_domain", "label_entropy", "barred", "brier", "calibration_error"):
            assert shown[name] == (None if expected[name] is None else close(expected[name])), name


def test_the_adapted_encoder_sees_the_colour_where_the_frozen_one_sees_the_light(
    real_cli: CommandLine, out: Path
) -> None:
    result = EvaluationResult.model_validate(run(real_cli, out, "--shots", "7", "--json").json)
    accuracy = {row.strategy: row.accuracy.value for row in result.rows}
    assert accuracy["invariant_select"] > accuracy["topk_nearest"] + 0.2


def test_a_trunk_that_was_trained_for_a_fold_encodes_its_images_anew(real_cli: CommandLine, out: Path) -> None:
    options = ("--depth", "finetune", "--targets", "noon", "--blocks", "1", "--budget", "60s")
    result = EvaluationResult.model_validate(run(real_cli, out, *options, "--json").json)
    assert [(fold.name, fold.queries) for fold in result.folds] == [("noon", 12)]
    about = json.loads((out / "report.json").read_text())["about"]
    assert about["adaptation"] == "finetune, adapted to each fold's demonstrations alone"
    with (out / "answers.csv").open(newline="") as file:
        answers = [row for row in csv.DictReader(file) if row["shots"] == "3"]
    scores = {row["strategy"]: row["scores"] for row in answers if row["query"] == "noon/red/0.png"}
    if not any("no adapted space" in note for note in result.notes):
        assert scores["invariant_select"] != scores["topk_nearest"]
    assert not list(out.glob("work/folds/*/training"))


def test_the_same_command_again_finds_everything_done(
    real_cli: CommandLine, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(real_cli, out)
    answers = (out / "answers.csv").read_bytes()
    shutil.rmtree(out / "work" / "folds")  # it would take them
    (out / "report.html").unlink()
    assert run(real_cli, out, "--strategies", "random,topk_nearest").code == 0  # adapts to nothing
    monkeypatch.setattr(Journal, "append", None)
    again = run(real_cli, out)
    assert (again.code, again.out) == (0, first.out)
    assert (out / "answers.csv").read_bytes() == answers
    assert (out / "report.html").is_file()


def test_ctrl_c_keeps_the_answers_and_the_same_command_goes_on(
    real_cli: CommandLine, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Journal.append
    count = 0

    def interrupted(journal: Journal, answered: Any) -> None:
        nonlocal count
        real(journal, answered)
        count += 1
        if count == 40:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "append", interrupted)
    ended = run(real_cli, out)
    assert (ended.code, ended.out) == (130, "")
    assert f"answers are kept in {out}: the same command goes on from there." in ended.err
    assert not (out / "answers.csv").exists()
    assert run(real_cli, out).code == 0
    assert count == 36 * 7
    monkeypatch.undo()


def test_a_folder_of_something_else_is_left_as_it_is(real_cli: CommandLine, out: Path) -> None:
    assert run(real_cli, out).code == 0
    kept = (out / "work" / "answers.jsonl").read_bytes()
    other = run(real_cli, out, "--seed", "3")
    assert (other.code, "another evaluation" in other.err) == (1, True)
    assert real_cli("demonstrations", "relabel", "noon/red/0.png", "blue", "--pool", "p").code == 0
    changed = run(real_cli, out)
    assert (changed.code, changed.out) == (1, "")
    assert "doesn't have as they were" in changed.err
    assert "Give another folder with --out" in changed.err
    assert (out / "work" / "answers.jsonl").read_bytes() == kept


def test_what_was_added_since_is_another_evaluation_and_that_is_told(
    real_cli: CommandLine, out: Path, tmp_path: Path
) -> None:
    from tests.service.shifted import draw_folder

    assert run(real_cli, out).code == 0
    answers = (out / "answers.csv").read_bytes()
    assert real_cli("ingest", draw_folder(tmp_path / "more", each=1, first=9), "--pool", "p").code == 0
    again = run(real_cli, out)
    assert "of the pool; for the present one give another folder with --out" in again.err
    assert (out / "answers.csv").read_bytes() == answers


def test_without_out_the_folder_is_named_after_the_pool(real_cli: CommandLine, out: Path, tmp_path: Path) -> None:
    assert real_cli(*FAST, "--strategies", "random", "--targets", "noon").code == 0
    assert (tmp_path / "evaluation-p" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shots", "one"], "--shots: 'one' is no list of numbers"),
        (["--shots", "1,1"], "shots has one twice"),
        (["--shots", "1001"], "shots"),
        (["--strategies", "random,best"], "strategies"),
        (["--strategies", "random,,"], "--strategies: a name is empty"),
        (["--learner", "oracle"], "--learner: 'oracle' is not one of vote, probe, lmm"),
        (["--learner", "lmm"], "--model: the learner lmm needs a model"),
        (["--model", "m"], "--model: a model answers only as the learner lmm"),
        (["--learner", "lmm", "--model", "m", "--base-url", "ftp://x"], "base URL"),
        (["--learner", "lmm", "--model", "m", "--most-cost", "1"], "needs a price"),
        (
            ["--learner", "lmm", "--model", "m", "--base-url", "http://localhost", "--queue"],
            "--queue: a worker goes by its operator, not by base_url",
        ),
        (
            ["--learner", "lmm", "--model", "m", "--queue", "--most-cost", "1", "--price-in", "1"],
            "not by most_cost, price_in",
        ),
        (["--learner", "lmm", "--model", "m", "--queue", "--most-requests", "0"], "not by most_requests"),
        (["--queue", "--out", "elsewhere"], "--out: the report of a job"),
        (["--learner", "lmm", "--model", "m", "--queue"], "doesn't ask the model 'm'"),
        (["--learner", "lmm", "--model", "m", "--most-requests", "20000000", "--queue"], "lmm.most_requests"),
        (["--protocol", "k-fold", "--targets", "noon"], "k-fold has no targets"),
        (["--targets", '["noon"'], "--targets: '[\"noon\"' is no JSON"),
        (["--targets", "moon"], "no image has the domain 'moon'"),
        (["--centre-queries", "--strategies", "random"], "centre_queries needs"),
        (["--budget", "soon"], "--budget: 'soon' is no time"),
        (["--option", "margin=1"], "--option: margin"),
        (["--protocol", "magic"], "'magic' is not one of"),
        (["--pool", "cars"], "'cars'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_asked_wrongly_is_told(real_cli: CommandLine, out: Path, arguments: list[str], said: str) -> None:
    ended = run(real_cli, out, *arguments)
    assert ended.code in (1, 2)
    assert ended.out == ""
    assert said in ended.err.replace("\n", " ")
    assert real_cli("jobs", "list", "--json").json["jobs"] == []


def test_options_reach_the_job(real_cli: CommandLine, out: Path) -> None:
    id = run(
        *(real_cli, out, "--queue", "--protocol", "target-pool", "--learner", "probe", "--depth", "head"),
        *("--targets", "noon,dusk", "--targets", '["a, b"]', "--queries", "5", "--centre-queries", "--seed", "4"),
        *("--budget", "2m", "--blocks", "all", "-o", "temperature=0.2"),
    ).out.strip()
    job = real_cli("jobs", "show", id).json
    assert (job["kind"], job["pool"], job["state"]) == ("evaluate", "p", "queued")
    asked = EvaluateRequest.model_validate(job["request"])
    assert asked == EvaluateRequest(
        protocol="target-pool",
        shots=[0, 1, 3],
        learners=["probe"],
        depth="head",
        targets=["noon", "dusk", "a, b"],
        queries=5,
        centre_queries=True,
        seed=4,
        budget_seconds=120,
        blocks=None,
        options={"temperature": 0.2},
    )


def test_flags_offer_what_the_wire_offers_with_the_same_defaults() -> None:
    flags = inspect.signature(evaluate, eval_str=True).parameters
    wire = EvaluateRequest.model_fields
    for name in ("protocol", "depth", "objective"):
        assert set(get_args(get_args(flags[name].annotation)[0])) == set(get_args(wire[name].annotation))
    for name in ("protocol", "depth", "objective", "folds", "queries", "centre_queries", "seed"):
        assert flags[name].default == wire[name].default
    assert flags["shots"].default == ",".join(map(str, wire["shots"].default))
    assert flags["strategies"].default == ",".join(wire["strategies"].default)
    assert (flags["budget"].default, wire["budget_seconds"].default) == ("10m", 600)
    assert flags["blocks"].default == str(wire["blocks"].default)
