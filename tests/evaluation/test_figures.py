"""Every figure of a row, worked out from the CSV by pandas and scikit-learn."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from evaluation.answers.table import read_answers, write_answers
from evaluation.comparison import compared
from evaluation.figures import Row, by_row, figures_of
from tests.evaluation.answers.rows import answers_at_random

ANSWERS = answers_at_random(3)


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """The CSV as anybody else would read it."""
    write_answers(tmp_path / "answers.csv", ANSWERS)
    assert list(read_answers(tmp_path / "answers.csv")) == ANSWERS
    return pd.read_csv(tmp_path / "answers.csv", keep_default_na=False)


def macro(part: pd.DataFrame) -> float:
    return float((part.answer == part.truth).groupby(part.truth).mean().mean())


def entropy(labels: str) -> float:
    return float(stats.entropy(list(Counter(json.loads(labels)).values()), base=2))


def cross(part: pd.DataFrame) -> list[float]:
    shares = []
    for own, shown in zip(part.domain, part.domains, strict=True):
        known = [domain for domain in json.loads(shown) if domain]
        if own and known:
            shares.append(sum(domain != own for domain in known) / len(known))
    return shares


def test_the_rows_are_those_of_the_answers() -> None:
    rows = by_row(ANSWERS)
    assert set(rows) == {Row(s, k, "vote") for s in ("random", "topk_nearest") for k in (0, 3)}
    assert sum(map(len, rows.values())) == len(ANSWERS)


@pytest.mark.parametrize("shots", [0, 3])
def test_every_figure_equals_an_independent_one_from_the_csv(table: pd.DataFrame, shots: int) -> None:
    found = figures_of(by_row(ANSWERS)[Row("random", shots, "vote")])
    part = table[(table.strategy == "random") & (table.shots == shots)]
    right = part.answer == part.truth
    given = part[part.answer != ""]
    assert found.queries == len(part)
    assert found.unanswered == pytest.approx((part.answer == "").mean())
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(part.truth, part.answer))
    assert found.macro_accuracy.value == pytest.approx(macro(part))
    assert found.recall == pytest.approx(right.groupby(part.truth).mean().to_dict())
    for name, fold in part.groupby("fold"):
        assert found.by_fold[str(name)].queries == len(fold)
        assert found.by_fold[str(name)].accuracy.value == pytest.approx((fold.answer == fold.truth).mean())
        assert found.by_fold[str(name)].macro_accuracy.value == pytest.approx(macro(fold))
    assert found.fold_mean.value == pytest.approx(right.groupby(part.fold).mean().mean())
    assert found.fold_mean_macro.value == pytest.approx(np.mean([macro(fold) for _, fold in part.groupby("fold")]))
    expected = metrics.confusion_matrix(part.truth, part.answer, labels=[*found.classes, ""])[:-1]
    assert found.confusion.tolist() == expected.tolist()
    assert found.brier == pytest.approx(((given.confidence - (given.answer == given.truth)) ** 2).mean())
    bins = pd.cut(given.confidence, np.linspace(0, 1, 11), right=False)
    gaps = (given.confidence - (given.answer == given.truth)).groupby(bins, observed=True).sum().abs()
    assert found.calibration_error == pytest.approx(gaps.sum() / len(given))
    barred = part[["barred_group", "barred_content", "barred_near_duplicate"]].mean()
    assert found.barred == pytest.approx({str(name)[7:]: value for name, value in barred.items()})
    if shots == 0:
        assert (found.precision, found.cross_domain, found.entropy) == (None, None, None)
    else:
        hits = [json.loads(labels).count(truth) for labels, truth in zip(part.labels, part.truth, strict=True)]
        assert found.precision == pytest.approx(np.mean(hits) / shots)
        assert found.entropy == pytest.approx(part.labels.map(entropy).mean())
        assert found.cross_domain == pytest.approx(np.mean(cross(part)))


def test_intervals_are_of_patients_in_or_out_as_a_whole(table: pd.DataFrame) -> None:
    part = table[(table.strategy == "random") & (table.shots == 3)]
    units = part.group.where(part.group != "", part["query"])
    right = (part.answer == part.truth).groupby(units).agg(["sum", "count"])
    rng = np.random.default_rng(9)
    drawn = rng.integers(len(right), size=(4000, len(right)))
    shares = right["sum"].to_numpy()[drawn].sum(axis=1) / right["count"].to_numpy()[drawn].sum(axis=1)
    found = figures_of(by_row(ANSWERS)[Row("random", 3, "vote")]).accuracy
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(shares, [2.5, 97.5])), abs=0.02)


def test_two_rows_are_compared_on_the_queries_that_both_answered(table: pd.DataFrame) -> None:
    rows = by_row(ANSWERS)
    one, other = rows[Row("topk_nearest", 3, "vote")], rows[Row("random", 3, "vote")]
    found = compared(one[5:], other[:-5])
    wide = table[table.shots == 3].assign(right=lambda rows: rows.answer == rows.truth)
    sides = wide.pivot_table(index=["fold", "query"], columns="strategy", values="right", sort=False, aggfunc="first")
    sides = sides.loc[[(each.fold, each.query) for each in one[5:-5]]].astype(bool)
    mine, theirs = sides.topk_nearest, sides.random
    assert found.queries == len(sides) == 50
    assert found.accuracy.value == pytest.approx(mine.mean() - theirs.mean())
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    known = wide.drop_duplicates(["fold", "query"]).set_index(["fold", "query"])
    units = known.group.where(known.group != "", known.index.get_level_values("query")).loc[sides.index]
    by_unit = sides.astype(int).groupby(units).sum()
    assert found.units == int((by_unit.topk_nearest != by_unit.random).sum()) > 0
    assert (found.test.only_one, found.test.only_other) == (int((mine & ~theirs).sum()), int((theirs & ~mine).sum()))
    tosses = found.test.only_one + found.test.only_other
    assert found.test.p_value == pytest.approx(stats.binomtest(found.test.only_one, tosses).pvalue)
    assert found.macro_accuracy.value == pytest.approx(
        figures_of(one[5:-5]).macro_accuracy.value - figures_of(other[5:-5]).macro_accuracy.value
    )


def test_the_order_of_the_answers_changes_nothing() -> None:
    rows = by_row(ANSWERS)
    one, other = rows[Row("topk_nearest", 3, "vote")], rows[Row("random", 3, "vote")]
    assert compared(one, other) == compared(one[::-1], other)
    assert figures_of(one).accuracy == figures_of(one[::-1]).accuracy


def test_rows_without_a_query_in_common_arent_compared() -> None:
    rows = by_row(ANSWERS)
    one, other = rows[Row("topk_nearest", 3, "vote")], rows[Row("random", 3, "vote")]
    with pytest.raises(ValueError, match="no query in common"):
        compared(one[:3], other[3:])
