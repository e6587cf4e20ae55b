"""Whole evaluations of a small pool: who was shown what, what was answered, and what is kept for a later run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders.adaptation import plan as training
from encoders.adaptation.head import HeadOptions
from encoders.adaptation.watch import Watch
from evaluation.answers.answered import Answered
from evaluation.learners.vote import Vote, vote
from evaluation.plan import EvaluationPlan
from evaluation.running import adapted_fold as adapting
from evaluation.running import fold_by_fold
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.evaluation import Evaluation, evaluate
from evaluation.running.learners import Learners
from evaluation.running.maps import maps_of
from invariantselect.errors import AnswersInvalidError, InvalidRequestError
from tests.evaluation.running.learners import Counted
from tests.evaluation.running.shifted_pool import DOMAINS, LABELS, evaluated, records_of, shifted

VOTE = Learners((Vote(),))
HEAD = training.Plan(depth="head", head=HeadOptions(hidden=8, dim=8, steps=40, rate=1e-2))


def run(
    folder: Path,
    plan: EvaluationPlan | None = None,
    *,
    pool: EvaluatedPool | None = None,
    learners: Learners = VOTE,
    watch: Watch | None = None,
) -> Evaluation:
    more = {} if watch is None else {"watch": watch}
    return evaluate(pool or shifted(), plan or EvaluationPlan(), learners, folder=folder, **more)


def row(done: Evaluation, strategy: str, shots: int) -> list[Answered]:
    return [each for each in done.answers if (each.strategy, each.shots) == (strategy, shots)]


def accuracy(answers: list[Answered]) -> float:
    return float(np.mean([each.right for each in answers]))


def test_every_query_is_answered_in_every_row_in_the_order_of_the_table(tmp_path: Path) -> None:
    done = run(tmp_path)
    ids = [f"{domain}/{label}/{number}.png" for domain in DOMAINS for label in LABELS for number in range(4)]
    rows = [("none", 0), *((name, k) for name in ("random", "topk_nearest", "invariant_select") for k in (1, 3, 5, 7))]
    told = [(each.fold, each.query, each.strategy, each.shots) for each in done.answers]
    assert told == [(id.partition("/")[0], id, *each) for id in ids for each in rows]
    assert all(each.answer is None and each.demonstrations == () for each in row(done, "none", 0))
    assert [(fold.name, fold.demonstrations, fold.queries) for fold in done.folds] == [(d, 24, 12) for d in DOMAINS]


def test_neighbours_in_the_frozen_space_are_the_nearest_of_the_other_domains(tmp_path: Path) -> None:
    done = run(tmp_path, EvaluationPlan(strategies=("topk_nearest",)))
    records = {record.id: record for record in records_of()}
    for each in row(done, "topk_nearest", 5):
        others = sorted(record.id for record in records.values() if record.domain != each.domain)
        query = np.array(records[each.query].vector)
        scores = {id: float(np.array(records[id].vector) @ query) for id in others}
        nearest = sorted(others, key=lambda id: -scores[id])[:5]
        assert list(each.demonstrations) == nearest
        assert each.scores == pytest.approx([scores[id] for id in nearest], abs=1e-6)
        assert each.labels == tuple(records[id].label for id in nearest)
        assert each.domains == tuple(records[id].domain for id in nearest)
        assert each.answer == vote(each.labels, each.scores)


def test_fewer_demonstrations_are_the_most_similar_of_the_largest_selection(tmp_path: Path) -> None:
    done = run(tmp_path)
    for strategy in ("topk_nearest", "invariant_select"):
        largest = {each.query: each for each in row(done, strategy, 7)}
        for shots in (1, 3, 5):
            for each in row(done, strategy, shots):
                assert each.demonstrations == largest[each.query].demonstrations[:shots]
                assert list(each.scores) == sorted(each.scores, reverse=True)


def test_one_random_demonstration_is_no_nearer_for_seven_being_asked_for_too(tmp_path: Path) -> None:
    one, both = (
        run(tmp_path / str(len(shots)), EvaluationPlan(strategies=("random",), shots=shots)) for shots in ((1,), (1, 7))
    )
    assert row(both, "random", 1) == row(one, "random", 1)
    assert any(each.demonstrations[0] != first.demonstrations[0] for each, first in _pairs(both))


def _pairs(done: Evaluation) -> list[tuple[Answered, Answered]]:
    """Answers with seven random demonstrations and with one."""
    return list(zip(row(done, "random", 7), row(done, "random", 1), strict=True))


def test_the_adapted_space_finds_the_label_where_the_frozen_one_finds_the_light(tmp_path: Path) -> None:
    done = run(tmp_path, EvaluationPlan(shots=(3,)), pool=shifted(8))
    assert accuracy(row(done, "invariant_select", 3)) > accuracy(row(done, "random", 3)) + 0.2
    assert all(each.barred_group == 0 for each in done.answers)


def test_an_encoder_is_adapted_to_the_demonstrations_of_its_fold_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an adaptation is given, and that nothing else of the fold changes what comes of it."""
    given = []
    real = adapting.adapt

    def remembering(examples, *args, **kwargs):  # type: ignore[no-untyped-def]
        given.append(examples)
        return real(examples, *args, **kwargs)

    monkeypatch.setattr(adapting, "adapt", remembering)
    plan = EvaluationPlan(shots=(3,), strategies=("invariant_select",), targets=("noon",))
    before = run(tmp_path / "one", plan)
    assert set(given[0].domain_names) == {"dusk", "glare"}
    relabelled = [replace(each, label="red") if each.domain == "noon" else each for each in records_of()]
    after = run(tmp_path / "other", plan, pool=evaluated(relabelled))
    shown = [(each.query, each.demonstrations, each.scores) for each in before.answers]
    assert shown == [(each.query, each.demonstrations, each.scores) for each in after.answers]


@pytest.mark.parametrize("protocol", ["leave-one-domain-out", "target-pool", "k-fold"])
def test_no_group_stands_on_both_sides(tmp_path: Path, protocol: str) -> None:
    records = [replace(each, group=each.id[-5]) for each in records_of(6)]  # groups across domains and labels
    if protocol == "leave-one-domain-out":
        records = [replace(each, group=each.group if each.label == "red" else None) for each in records]
    plan = EvaluationPlan(protocol=protocol, folds=3, strategies=("random", "topk_nearest"))  # type: ignore[arg-type]
    done = run(tmp_path, plan, pool=evaluated(records))
    groups = {record.id: record.group for record in records}
    assert any(fold.left_out for fold in done.folds) or protocol != "leave-one-domain-out"
    for each in done.answers:
        assert each.group is None or each.group not in {groups[id] for id in each.demonstrations}


def test_a_sample_of_queries_is_drawn_for_each_fold_by_itself(tmp_path: Path) -> None:
    plan = EvaluationPlan(queries=5, strategies=("topk_nearest",))
    done = run(tmp_path / "all", plan)
    assert [(fold.queries, fold.demonstrations) for fold in done.folds] == [(5, 24)] * 3
    alone = run(tmp_path / "one", replace(plan, targets=("noon",)))
    assert alone.answers == tuple(each for each in done.answers if each.fold == "noon")
    assert run(tmp_path / "again", plan).answers == done.answers
    other = run(tmp_path / "other", replace(plan, seed=1))
    assert {each.query for each in other.answers} != {each.query for each in done.answers}
    assert "At most 5 queries" in done.notes[0]


def test_centred_queries_are_a_row_of_their_own(tmp_path: Path) -> None:
    plan = EvaluationPlan(shots=(0, 5), centre_queries=True)
    done = run(tmp_path, plan, pool=shifted(8))
    assert plan.choosing == ("random", "topk_nearest", "invariant_select", "invariant_select+centred")
    plain, centred = row(done, "invariant_select", 5), row(done, "invariant_select+centred", 5)
    assert len(plain) == len(centred) == 72
    assert [each.scores for each in plain] != [each.scores for each in centred]
    assert any(note.startswith("invariant_select+centred is") for note in done.notes)
    few = run(tmp_path / "few", replace(plan, queries=7), pool=shifted(8))
    assert [each.scores for each in row(few, "invariant_select", 5)] == [
        each.scores for each in row(few, "invariant_select+centred", 5)
    ]
    assert any("Not centred" in note and "dusk, glare, noon" in note for note in few.notes)


def test_where_the_frozen_encoder_wins_it_answers_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapting.Adaptation, "better", property(lambda _: False))
    done = run(tmp_path, EvaluationPlan(shots=(5,), targets=("noon",)))
    frozen, adapted = row(done, "topk_nearest", 5), row(done, "invariant_select", 5)
    assert [(each.query, each.demonstrations) for each in frozen] == [
        (each.query, each.demonstrations) for each in adapted
    ]
    assert done.notes[0].startswith("The fold 'noon' has no adapted encoder. No adapted space (")
    (drawn,) = maps_of(shifted(), done.spaces, seed=0)
    assert (drawn.fold, drawn.after, sum(drawn.asking.tolist()), len(drawn.ids)) == ("noon", None, 12, 36)


def test_a_fold_with_nothing_to_learn_from_is_answered_by_the_frozen_encoder(tmp_path: Path) -> None:
    records = [each for each in records_of() if each.domain == "noon" or each.label == "red"]
    done = run(tmp_path, EvaluationPlan(shots=(5,), targets=("noon", "dusk")), pool=evaluated(records))
    noon = [each for each in row(done, "invariant_select", 5) if each.fold == "noon"]
    nearest = [each for each in row(done, "topk_nearest", 5) if each.fold == "noon"]
    assert [each.demonstrations for each in noon] == [each.demonstrations for each in nearest]
    (note,) = [each for each in done.notes if each.startswith("The fold 'noon' has no adapted encoder")]
    assert "8 images of 1 label(s) are nothing to learn from" in note


def test_a_budget_that_is_too_short_is_told_and_never_answered_by_the_frozen_encoder(tmp_path: Path) -> None:
    plan = training.Plan(depth="finetune", budget_seconds=0.0)
    with pytest.raises(InvalidRequestError):
        run(tmp_path, EvaluationPlan(shots=(3,), targets=("noon",), adaptation=plan))


def test_the_file_of_a_query_is_not_learnt_from_under_another_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[int] = []
    real = adapting.adapt

    def remembering(examples, *args, **kwargs):  # type: ignore[no-untyped-def]
        learnt.append(len(examples))
        return real(examples, *args, **kwargs)

    monkeypatch.setattr(adapting, "adapt", remembering)
    records = records_of()
    copied = [replace(each, sha256=records[-1].sha256) if each.id == "dusk/red/0.png" else each for each in records]
    plan = EvaluationPlan(shots=(3,), strategies=("invariant_select",), targets=("noon",))
    run(tmp_path / "all", plan, pool=evaluated(records))
    run(tmp_path / "copied", plan, pool=evaluated(copied))
    assert learnt == [24, 23]


def test_what_was_adapted_for_another_evaluation_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """Even where somebody removes the answers alone."""
    k_fold = EvaluationPlan(protocol="k-fold", folds=3, shots=(3,), strategies=("invariant_select",))
    for plan in (k_fold, replace(k_fold, seed=1), replace(k_fold, seed=1, queries=4)):
        (tmp_path / "one" / "answers.jsonl").unlink(missing_ok=True)
        again = run(tmp_path / "one", plan)
        assert again.answers == run(tmp_path / str(plan.seed) / str(plan.queries), plan).answers


def test_a_head_is_adapted_likewise(tmp_path: Path) -> None:
    done = run(tmp_path, EvaluationPlan(shots=(3,), targets=("noon",), adaptation=HEAD))
    assert len(row(done, "invariant_select", 3)) == 12


def test_a_second_run_asks_nothing_and_adapts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    first = run(tmp_path, learners=Learners((counted,)))
    assert counted.asked.total() == len(first.answers)
    monkeypatch.setattr(adapting, "adapt", None)
    second = run(tmp_path, learners=Learners((counted,)))
    assert (second.answers, second.notes) == (first.answers, first.notes)
    assert counted.asked.total() == len(first.answers)


def test_only_where_something_is_left_to_ask_is_anything_barred_or_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    barred: list[str] = []
    real = fold_by_fold.barred_of

    def remembering(fold, **columns):  # type: ignore[no-untyped-def]
        barred.append(fold.name)
        return real(fold, **columns)

    monkeypatch.setattr(fold_by_fold, "barred_of", remembering)
    plan = EvaluationPlan(shots=(0, 3), strategies=("topk_nearest",))
    run(tmp_path, replace(plan, targets=("glare",)))
    done = run(tmp_path, plan)
    assert barred == ["glare", "dusk", "noon"]
    monkeypatch.setattr(fold_by_fold, "FoldQuestions", None)
    assert run(tmp_path, plan).answers == done.answers
    assert barred == ["glare", "dusk", "noon"]


def test_more_learners_strategies_and_domains_are_added_to_what_is_there(tmp_path: Path) -> None:
    few = EvaluationPlan(strategies=("random", "invariant_select"), targets=("noon",))
    run(tmp_path, few)
    counted = Counted()
    done = run(tmp_path, EvaluationPlan(), learners=Learners((Vote(), counted)))
    assert {each.learner for each in done.answers} == {"vote", "counted"}
    assert done.answers == run(tmp_path / "afresh", EvaluationPlan(), learners=Learners((Vote(), Counted()))).answers
    assert {each.fold for each in run(tmp_path, few).answers} == {"noon"}


@pytest.mark.parametrize(
    "plan",
    [
        EvaluationPlan(seed=1),
        EvaluationPlan(shots=(0, 1)),
        EvaluationPlan(queries=3),
        EvaluationPlan(protocol="target-pool"),
        EvaluationPlan(adaptation=training.Plan(depth="head")),
        EvaluationPlan(adaptation=training.Plan(depth="closed_form", seed=1)),
    ],
)
def test_a_folder_of_another_evaluation_is_not_gone_on_with(tmp_path: Path, plan: EvaluationPlan) -> None:
    run(tmp_path, EvaluationPlan(targets=("noon",)))
    with pytest.raises(AnswersInvalidError, match="another evaluation"):
        run(tmp_path, plan)


def test_a_folder_of_another_pool_neither(tmp_path: Path) -> None:
    run(tmp_path, EvaluationPlan(targets=("noon",)))
    relabelled = [replace(each, label="red") if each.id == "dusk/blue/0.png" else each for each in records_of()]
    with pytest.raises(AnswersInvalidError, match="another evaluation"):
        run(tmp_path, pool=evaluated(relabelled))


@pytest.mark.parametrize(
    "values",
    [
        {"shots": ()},
        {"shots": (1, 1)},
        {"shots": (-1,)},
        {"strategies": ("random", "random")},
        {"strategies": ()},
        {"queries": 0},
        {"centre_queries": True, "strategies": ("random",)},
        {"centre_queries": True, "shots": (0,)},
    ],
    ids=str,
)
def test_what_can_not_be_evaluated_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError):
        EvaluationPlan(**values)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError):
        Learners((Vote(), Vote()))
    with pytest.raises(InvalidRequestError):
        Learners()


def test_zero_shots_alone_need_no_adaptation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapting, "adapt", None)
    done = run(tmp_path, EvaluationPlan(shots=(0,)))
    assert {(each.strategy, each.shots) for each in done.answers} == {("none", 0)}


def test_progress_is_told_and_a_stop_is_obeyed_at_once(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    class Stopped(Exception):
        pass

    def check() -> None:
        if told and told[-1][:2] == ("answering", 20):
            raise Stopped

    watch = Watch(lambda phase, done, total, _: told.append((phase, done, total)), check)
    with pytest.raises(Stopped):
        run(tmp_path, watch=watch)
    journal = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert len(journal) - 1 in range(20, 22)
    assert {phase for phase, _, _ in told if "fold" in phase} >= {"fold 1 of 3: validation of frozen"}
    told.clear()
    done = run(tmp_path, watch=replace(watch, check=lambda: None))
    answering = [(done, total) for phase, done, total in told if phase == "answering"]
    assert answering[0] == (len(journal) - 1, len(done.answers))
    assert answering[-1] == (len(done.answers), len(done.answers))
    assert [json.loads(line)["query"] for line in journal[1:3]] == ["dusk/blue/0.png"] * 2
