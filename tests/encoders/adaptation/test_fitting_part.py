"""A batch is halved until its graph fits a device, and no oftener."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.adaptation.fitting_part import fitting_part

collected: list[int] = []


@pytest.fixture(scope="module", autouse=True)
def no_garbage() -> Iterator[None]:
    """None is made here, and hundreds of searches among what other tests left take a minute; they are counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: collected.append(1))
        yield


def device_of(most: int, told: list[int]) -> object:
    def run(part: int) -> None:
        told.append(part)
        if part > most:
            raise torch.OutOfMemoryError(f"{part} images")

    return run


@settings(deadline=None)
@given(batch=st.integers(1, 200), most=st.integers(1, 250))
def test_it_is_the_first_of_the_halves_that_fits(batch: int, most: int) -> None:
    told: list[int] = []
    collected.clear()
    found = fitting_part(batch, device_of(most, told))
    halves = [batch >> times for times in range(batch.bit_length())]
    expected = next(half for half in halves if half <= most)
    assert found == (0 if expected == batch else expected)
    assert told == halves[: halves.index(expected) + 1]
    assert len(collected) == len(told) - 1  # after each that didn't fit


@pytest.mark.parametrize(("first", "tried"), [(24, [24, 12]), (96, [96, 48, 24, 12]), (500, [96, 48, 24, 12])])
def test_what_the_options_say_is_tried_first(first: int, tried: list[int]) -> None:
    told: list[int] = []
    assert fitting_part(96, device_of(20, told), first=first) == 12
    assert told == tried


def test_where_not_one_image_fits_that_is_told() -> None:
    with pytest.raises(torch.OutOfMemoryError, match="one image"):
        fitting_part(5, device_of(0, []))


def test_another_error_isnt_taken_for_a_full_memory() -> None:
    def broken(part: int) -> None:
        raise RuntimeError(f"{part} images are no tensor")

    with pytest.raises(RuntimeError, match="no tensor"):
        fitting_part(8, broken)
