"""The gallery shows queries that one strategy answers rightly and the other wrongly, and says how many there are."""

from __future__ import annotations

from collections import Counter

from evaluation.figures import Row, by_row
from evaluation.report.gallery import Gallery, gallery_of
from tests.evaluation.report.made_up import evaluation

ONE, OTHER = Row("invariant_select", 7, "vote"), Row("topk_nearest", 7, "vote")
ROWS = by_row(evaluation(300, folds=("a", "b", "c")))


def drawn(most: int, seed: int = 0) -> Gallery:
    return gallery_of(ONE, OTHER, ROWS[ONE], ROWS[OTHER], most=most, seed=seed)


def test_exactly_one_of_the_two_is_right() -> None:
    gallery = drawn(10)
    assert all(each.one.query == each.other.query for each in gallery.shown)
    assert [each.one.right for each in gallery.shown] == [True] * 5 + [False] * 5
    assert all(each.one.right != each.other.right for each in gallery.shown)
    theirs = {each.query: each for each in ROWS[OTHER]}
    won = [each for each in ROWS[ONE] if each.right and not theirs[each.query].right]
    lost = [each for each in ROWS[ONE] if not each.right and theirs[each.query].right]
    assert (gallery.only_one, gallery.only_other) == (len(won), len(lost))


def test_every_fold_has_its_turn() -> None:
    assert Counter(each.one.fold for each in drawn(12).shown[:6]) == {"a": 2, "b": 2, "c": 2}


def test_where_one_kind_is_scarce_the_other_fills_the_page() -> None:
    gallery = drawn(10_000)
    assert len(gallery.shown) == gallery.only_one + gallery.only_other
    few = gallery.only_other
    assert len(drawn(2 * few + 10).shown) == 2 * few + 10


def test_it_is_drawn_by_the_seed() -> None:
    assert drawn(8) == drawn(8)
    assert drawn(8).shown != drawn(8, seed=1).shown
