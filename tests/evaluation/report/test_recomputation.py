"""Every figure of the JSON, worked out again from answers.csv with csv and NumPy alone."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from math import comb, log2
from typing import Any

import numpy as np
import pytest

from evaluation.report import write_report
from tests.evaluation.report.made_up import ABOUT, evaluation

Line = dict[str, str]
Values = dict[str, Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Values, list[Line]]:
    answers = evaluation(120, learners=("vote", "lmm:tiny"), shots=(3, 7))
    written = write_report(tmp_path_factory.mktemp("report"), ABOUT, answers)
    with written.csv.open(encoding="utf-8", newline="") as lines:
        return json.loads(written.json.read_text(encoding="utf-8")), list(csv.DictReader(lines))


def lines_of(lines: list[Line], row: Values) -> list[Line]:
    wanted = row["strategy"], str(row["shots"]), row["learner"]
    return [line for line in lines if (line["strategy"], line["shots"], line["learner"]) == wanted]


def right(lines: list[Line]) -> np.ndarray:
    return np.array([line["answer"] == line["truth"] for line in lines], dtype=float)


def accuracy(lines: list[Line]) -> float:
    return float(right(lines).mean())


def macro(lines: list[Line]) -> float:
    return float(np.mean([accuracy([each for each in lines if each["truth"] == name]) for name in truths(lines)]))


def truths(lines: list[Line]) -> list[str]:
    return sorted({line["truth"] for line in lines})


def over_folds(measure: Callable[[list[Line]], float]) -> Callable[[list[Line]], float]:
    def mean(lines: list[Line]) -> float:
        folds = sorted({line["fold"] for line in lines})
        return float(np.mean([measure([line for line in lines if line["fold"] == fold]) for fold in folds]))

    return mean


MEASURES = {
    "accuracy": accuracy,
    "macro_accuracy": macro,
    "fold_mean": over_folds(accuracy),
    "fold_mean_macro": over_folds(macro),
}


def by_unit(lines: list[Line]) -> list[list[Line]]:
    units: dict[str, list[Line]] = {}
    for line in lines:
        units.setdefault(f"g{line['group']}" if line["group"] else f"q{line['query']}", []).append(line)
    return list(units.values())


def interval(lines: list[Line], measure: Callable[[list[Line]], float]) -> list[float]:
    """Patients drawn whole, by another generator than ours."""
    units, rng = by_unit(lines), np.random.RandomState(77)
    drawn = [measure([line for place in rng.randint(len(units), size=len(units)) for line in units[place]])
             for _ in range(400)]  # fmt: skip
    return np.percentile(drawn, [2.5, 97.5]).tolist()


def mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def test_every_row_is_there(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    rows = {(row["strategy"], row["shots"], row["learner"]) for row in report["rows"]}
    assert rows == {(line["strategy"], int(line["shots"]), line["learner"]) for line in lines}
    assert len(rows) == len(report["rows"]) == 14
    assert report["queries"] == len({(line["fold"], line["query"]) for line in lines}) == 120
    assert report["units"] == len(by_unit(lines))


def test_accuracies(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    for row in report["rows"]:
        own = lines_of(lines, row)
        assert row["queries"] == len(own)
        for name, measure in MEASURES.items():
            assert row[name]["value"] == pytest.approx(measure(own))
        assert row["recall"] == pytest.approx(
            {name: accuracy([line for line in own if line["truth"] == name]) for name in truths(own)}
        )
        for fold, found in row["folds"].items():
            part = [line for line in own if line["fold"] == fold]
            assert found["queries"] == len(part)
            assert found["accuracy"]["value"] == pytest.approx(accuracy(part))
            assert found["macro_accuracy"]["value"] == pytest.approx(macro(part))


def test_intervals(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    row = next(row for row in report["rows"] if row["strategy"] == "topk_nearest" and row["learner"] == "vote")
    for name, measure in MEASURES.items():
        expected = interval(lines_of(lines, row), measure)
        assert [row[name]["low"], row[name]["high"]] == pytest.approx(expected, abs=0.025), name


def test_answers_and_confidence(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    for row in report["rows"]:
        own = lines_of(lines, row)
        given = [line for line in own if line["answer"]]
        assert row["unanswered"] == pytest.approx(1 - len(given) / len(own))
        told = Counter((line["truth"], line["answer"]) for line in own)
        assert row["confusion"] == [
            [told[truth, answer] for answer in [*row["classes"], ""]] for truth in row["classes"]
        ]
        sure, hit = np.array([float(line["confidence"]) for line in given]), right(given)
        bins = np.minimum((sure * 10 + 1e-12).astype(int), 9)
        assert [each["count"] for each in row["calibration"]] == np.bincount(bins, minlength=10).tolist()
        if not given:
            assert (row["brier"], row["calibration_error"]) == (None, None)
            continue
        assert row["brier"] == pytest.approx(np.mean((sure - hit) ** 2))
        gaps = [abs((sure - hit)[bins == place].sum()) for place in range(10)]
        assert row["calibration_error"] == pytest.approx(sum(gaps) / len(given))
        for place, each in enumerate(row["calibration"]):
            if each["count"]:
                assert each["accuracy"] == pytest.approx(hit[bins == place].mean())
                assert each["confidence"] == pytest.approx(sure[bins == place].mean())


def test_demonstrations(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    for row in report["rows"]:
        own = lines_of(lines, row)
        labels = [json.loads(line["labels"]) for line in own]
        hits = [shown.count(line["truth"]) / row["shots"] if row["shots"] else None
                for shown, line in zip(labels, own, strict=True)]  # fmt: skip
        assert row["precision"] == pytest.approx(mean(hits))
        shares = [[count / len(shown) for count in Counter(shown).values()] for shown in labels]
        bits = [sum(-share * log2(share) for share in each) if each else None for each in shares]
        assert row["label_entropy"] == pytest.approx(mean(bits))
        known = [[name for name in json.loads(line["domains"]) if name] for line in own]
        crossed = [sum(name != line["domain"] for name in shown) / len(shown) if shown else None
                   for shown, line in zip(known, own, strict=True)]  # fmt: skip
        assert row["cross_domain"] == pytest.approx(mean(crossed))
        for reason, count in row["barred"].items():
            assert count == pytest.approx(np.mean([int(line[f"barred_{reason}"]) for line in own]))


def test_what_was_barred(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    for reason, found in report["barred"].items():
        counts = {(line["fold"], line["query"]): int(line[f"barred_{reason}"]) for line in lines}
        assert found == {"demonstrations": sum(counts.values()), "queries": sum(map(bool, counts.values()))}


def test_differences(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    # Three pairs for each number of shots and learner; and three strategies to zero shots, where those are answered.
    assert len(report["differences"]) == 3 * 2 * 2 + 3 * 2
    for each in report["differences"]:
        one, other = lines_of(lines, each["one"]), lines_of(lines, each["other"])
        assert each["queries"] == len(one)
        for name in ("accuracy", "macro_accuracy", "fold_mean"):
            assert each[name]["value"] == pytest.approx(MEASURES[name](one) - MEASURES[name](other))
        mine, theirs = ({(line["fold"], line["query"]): line["answer"] == line["truth"] for line in side}
                        for side in (one, other))  # fmt: skip
        won = sum(mine[query] and not theirs[query] for query in mine)
        lost = sum(theirs[query] and not mine[query] for query in mine)
        tail = sum(comb(won + lost, fewer) for fewer in range(min(won, lost) + 1)) / 2 ** (won + lost)
        assert each["mcnemar"] == {
            "only_one": won,
            "only_other": lost,
            "p_value": pytest.approx(min(1.0, 2 * tail)),
        }


def test_the_interval_of_a_difference(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    each = report["differences"][0]
    answered = {(line["fold"], line["query"]): line for line in lines_of(lines, each["other"])}
    marked = [
        {**line, "rival": answered[line["fold"], line["query"]]["answer"]} for line in lines_of(lines, each["one"])
    ]

    def gain(sample: list[Line]) -> float:
        return accuracy(sample) - float(np.mean([line["rival"] == line["truth"] for line in sample]))

    found = [each["accuracy"]["low"], each["accuracy"]["high"]]
    assert found == pytest.approx(interval(marked, gain), abs=0.025)


def test_the_headline_is_one_of_the_differences(files: tuple[Values, list[Line]]) -> None:
    report, _ = files
    for finding in report["headline"]["findings"]:
        for each in [finding["main"], *finding["others"]]:
            assert each in report["differences"]
        assert finding["verdict"] == "helps"
        assert finding["main"]["accuracy"]["low"] > 0


def test_the_gallery_shows_what_only_one_answers_rightly(files: tuple[Values, list[Line]]) -> None:
    report, lines = files
    gallery = report["gallery"]
    hits = {
        side: {line["query"] for line in lines_of(lines, gallery[side]) if line["answer"] == line["truth"]}
        for side in ("one", "other")
    }
    assert gallery["only_one"] == len(hits["one"] - hits["other"])
    assert gallery["only_other"] == len(hits["other"] - hits["one"])
    assert {each["query"] for each in gallery["shown"]} <= hits["one"] ^ hits["other"]
