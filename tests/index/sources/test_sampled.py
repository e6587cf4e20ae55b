"""A sample of a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.sources import Ignored, Item, Record, Rejected, Source, open_source
from index.sources.sampled import SampledSource
from invariantselect.errors import ImageNotFoundError
from tests.index.sources.files import ignored, records, rejected
from tests.index.sources.published import camelyon17


class Listed(Source):
    """Items of a test; no image is ever read."""

    def __init__(self, items: list[Item]) -> None:
        self._items = items

    @property
    def total(self) -> int:
        return sum(not isinstance(item, Ignored) for item in self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)


def unread() -> bytes:
    raise AssertionError("an image was read")


def items(sizes: dict[tuple[str | None, str], int]) -> list[Item]:
    return [
        Record(f"{domain}/{label}/{n}", label, unread, "here", domain)
        for (domain, label), size in sizes.items()
        for n in range(size)
    ]


def counts(source: Source) -> Counter[tuple[str | None, str]]:
    return Counter((record.domain, record.label) for record in records(source))


UNEVEN = {("a", "dog"): 100, ("a", "cat"): 3, ("b", "dog"): 40, (None, "cat"): 20}


def test_each_cell_gets_its_share_and_small_ones_leave_theirs_to_the_others() -> None:
    sampled = SampledSource(Listed(items(UNEVEN)), size=60)
    assert counts(sampled) == {("a", "cat"): 3, ("a", "dog"): 19, ("b", "dog"): 19, (None, "cat"): 19}
    assert sampled.total == 60


def test_the_same_seed_draws_the_same_whatever_the_order_and_another_seed_does_not() -> None:
    def drawn(source: list[Item], seed: int) -> set[str]:
        return {record.id for record in records(SampledSource(Listed(source), size=40, seed=seed))}

    listed = items(UNEVEN)
    assert drawn(listed, 1) == drawn(listed[::-1], 1) != drawn(listed, 2)


def test_draws_are_spread_over_a_cell() -> None:
    cell = items({("a", "dog"): 1000})
    picked = [int(each.id.rpartition("/")[2]) for each in records(SampledSource(Listed(cell), size=300, seed=3))]
    assert 440 < sum(picked) / 300 < 560  # of 499.5, with a standard error of 14


@settings(deadline=None)
@given(
    sizes=st.dictionaries(
        st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y"])), st.integers(0, 9), min_size=1
    ),
    size=st.integers(1, 40),
)
def test_it_is_as_large_and_as_even_as_can_be_and_grows_by_what_is_new(
    sizes: dict[tuple[str | None, str], int], size: int
) -> None:
    source = Listed(items(sizes))
    smaller, larger = ({record.id for record in records(SampledSource(source, size=each))} for each in (size, size + 1))
    assert len(smaller) == min(size, sum(sizes.values()))
    assert smaller <= larger
    taken = counts(SampledSource(source, size=size))
    full = max((taken[cell] for cell in sizes), default=0)
    assert all(taken[cell] >= min(sizes[cell], full - 1) for cell in sizes)


def test_what_is_rejected_or_left_aside_comes_through_in_its_place() -> None:
    bad, aside = Rejected("line 7", ImageNotFoundError("gone")), Ignored("README", "No suffix.")
    listed = [*items({("a", "x"): 5}), bad, *items({("b", "x"): 5}), aside]
    sampled = SampledSource(Listed(listed), size=2)
    assert [type(item) for item in sampled] == [Record, Rejected, Record, Ignored]
    assert rejected(sampled) == {"line 7": "gone"}
    assert list(ignored(sampled)) == ["README"]
    assert sampled.total == 3


def test_a_repeated_id_is_drawn_once_and_told_as_often_as_it_comes() -> None:
    once = items({("a", "x"): 20})
    sampled = SampledSource(Listed([*once, *once]), size=10)
    assert len({record.id for record in records(sampled)}) == 10
    assert sampled.total == len(records(sampled)) == 20


@pytest.mark.parametrize("size", [5, 100])
def test_camelyon17_is_sampled_over_hospitals(tmp_path: Path, size: int) -> None:
    sampled = SampledSource(open_source(camelyon17(tmp_path)), size=size)
    assert len(records(sampled)) == min(size, 8)
    assert {record.domain for record in records(sampled)} >= {"hospital_0", "hospital_1", "hospital_2"}
