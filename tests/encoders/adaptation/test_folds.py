"""What every division of a pool holds, whatever the pool looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from encoders.adaptation.examples import Examples
from encoders.adaptation.folds import Fold, folds_of


def examples_of(rows: list[tuple[str, str | None, str | None]], files: list[str] | None = None) -> Examples:
    """A pool of (label, domain, group), its images never looked at; each in a file of its own unless said."""

    def image(place: int) -> Image.Image:
        raise AssertionError

    vectors = np.ones((len(rows), 1), dtype=np.float32)
    labels, domains, groups = ([row[column] for row in rows] for column in range(3))
    return Examples(vectors, labels, domains, groups, image, files)


ROWS = st.lists(
    st.tuples(
        st.sampled_from("xyz"), st.sampled_from([None, *"abcdefg"]), st.sampled_from([None, "p1", "p2", "p3", "p4"])
    ),
    max_size=40,
)


@settings(deadline=None)
@given(ROWS, st.integers(0, 5), st.none() | st.lists(st.sampled_from("0123456789"), min_size=40, max_size=40))
def test_neither_group_nor_file_is_on_both_sides_and_every_query_can_be_answered(
    rows: list[tuple[str, str | None, str | None]], seed: int, files: list[str] | None
) -> None:
    examples = examples_of(rows, files and files[: len(rows)])
    held_before: set[int] = set()
    for fold in folds_of(examples, seed=seed):
        learn, held = set(fold.learn.tolist()), set(fold.held.tolist())
        assert learn
        assert held
        assert not learn & held
        assert not held & held_before
        held_before |= held
        assert not {rows[i][2] for i in learn} & {rows[i][2] for i in held} - {None}
        assert files is None or not {files[i] for i in learn} & {files[i] for i in held}
        assert {rows[i][0] for i in held} <= {rows[i][0] for i in learn}
        domains = {rows[i][1] for i in held} - {None}
        if not fold.name.startswith("part "):
            assert not domains & {rows[i][1] for i in learn}
            assert all(rows[i][1] for i in held)
            assert domains <= set(fold.name.split(", "))


def test_each_domain_is_left_out_once_with_its_groups() -> None:
    rows = [(label, domain, f"{domain}{number}") for domain in "abc" for label in "xy" for number in range(3)]
    folds = folds_of(examples_of(rows))
    assert [fold.name for fold in folds] == ["a", "b", "c"]
    assert [fold.held.tolist() for fold in folds] == [list(range(i, i + 6)) for i in (0, 6, 12)]
    assert all(len(fold.learn) == 12 for fold in folds)


def test_many_domains_share_four_folds_of_much_the_same_size() -> None:
    sizes = dict(zip("abcdefgh", [40, 30, 20, 20, 10, 10, 5, 5], strict=True))
    rows = [("xy"[n % 2], domain, None) for domain, size in sizes.items() for n in range(size)]
    folds = folds_of(examples_of(rows))
    assert sorted(name for fold in folds for name in fold.name.split(", ")) == sorted(sizes)
    assert [len(fold.held) for fold in folds] == [40, 35, 35, 30]


def test_where_every_patient_is_in_every_domain_patients_are_held_out() -> None:
    rows = [("xy"[p % 2], domain, f"patient {p}") for p in range(6) for domain in "ab"]
    folds = folds_of(examples_of(rows))
    assert [fold.name for fold in folds] == ["part 1", "part 2", "part 3"]
    assert all({rows[i][1] for i in fold.held} == {"a", "b"} for fold in folds)


@pytest.mark.parametrize("rows", [[], [("x", None, None)], [("x", "a", "p"), ("y", "b", "p")], [("x", "a", None)]])
def test_there_are_none_where_nothing_can_be_held(rows: list[tuple[str, str | None, str | None]]) -> None:
    assert folds_of(examples_of(rows)) == []


def test_without_domains_the_seed_decides_the_parts() -> None:
    rows = [("xy"[n % 2], None, None) for n in range(30)]
    parts = [[fold.held.tolist() for fold in folds_of(examples_of(rows), seed=seed)] for seed in (1, 1, 2)]
    assert parts[0] == parts[1] != parts[2]
    assert sorted(place for part in parts[0] for place in part) == list(range(30))


def test_a_file_under_two_ids_is_held_out_as_one() -> None:
    rows = [("xy"[n % 2], None, None) for n in range(30)]
    folds = folds_of(examples_of(rows, [f"{n // 4}-{n % 2}" for n in range(30)]))
    assert sorted(place for fold in folds for place in fold.held) == list(range(30))  # none was lost for it
    assert all(len(fold.learn) + len(fold.held) == 30 for fold in folds)


def test_a_large_fold_is_judged_by_some_of_it_the_same_each_time() -> None:
    fold = Fold("x", np.arange(0, 60_000, 2), np.arange(1, 6001, 2))
    near, held = fold.judged()
    assert (len(near), len(held)) == (12_000, 2000)
    for some, of in ((near, fold.learn), (held, fold.held)):
        assert (np.diff(some) > 0).all()
        assert np.isin(some, of).all()
    assert all(np.array_equal(one, other) for one, other in zip(fold.judged(), (near, held), strict=True))


def test_a_small_fold_is_judged_by_all_of_it() -> None:
    fold = Fold("x", np.arange(12_000), np.arange(12_000, 14_000))
    near, held = fold.judged()
    assert np.array_equal(near, fold.learn)
    assert np.array_equal(held, fold.held)
