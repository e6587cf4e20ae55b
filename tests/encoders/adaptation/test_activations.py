"""Kept activations are the front's of the same inputs, and view 0 is what queries are."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from encoders.adaptation import activations
from encoders.adaptation.activations import KeptActivations, LaterActivations, LiveActivations, activations_of
from encoders.adaptation.augmentation import Augmentation, view
from encoders.adaptation.examples import Examples
from encoders.adaptation.inputs import Inputs
from encoders.adaptation.remembered import Remembered
from encoders.adaptation.watch import Watch
from encoders.preprocess import Preprocessing
from invariantselect.errors import JobCancelledError
from tests.encoders.pictures import scene

COUNT, VIEWS = 21, 3  # more than one batch of images, and a last one that isn't full
PREPROCESSING = Preprocessing(16, "squash", "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
PICTURES = [Image.fromarray(np.roll(scene(), place, axis=(0, 2))) for place in range(COUNT)]


def inputs_of(seed: int = 0) -> Inputs:
    names = ["x"] * COUNT
    examples = Examples(np.ones((COUNT, 1), np.float32), names, names, [None] * COUNT, PICTURES.__getitem__)
    return Inputs(examples, PREPROCESSING, Augmentation(), seed=seed)


def front_of() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())


def test_they_are_the_fronts_of_the_same_inputs() -> None:
    front = front_of().eval()
    kept = activations_of(front, inputs_of(), COUNT, VIEWS)
    assert kept.views() == VIEWS
    places, numbers = np.array([20, 3, 3, 16]), np.array([2, 0, 1, 2])
    wanted = np.stack(
        [inputs_of().views(int(place), range(VIEWS))[number] for place, number in zip(places, numbers, strict=True)]
    )
    with torch.inference_mode():
        expected = front(torch.from_numpy(wanted))
    taken = kept.take(places, numbers)
    assert taken.dtype == torch.float32
    torch.testing.assert_close(taken, expected, rtol=0.03, atol=0.03)  # bfloat16, perhaps from the first layer on


def test_the_clean_view_is_what_queries_are_and_the_others_are_drawn() -> None:
    views = inputs_of(5).views(7, range(VIEWS))
    assert np.array_equal(views[0], PREPROCESSING.apply(PICTURES[7]))
    drawn = view(PICTURES[7], PREPROCESSING, Augmentation(), np.random.default_rng([5, 7, 2]))
    assert np.array_equal(views[2], drawn)
    kept = activations_of(nn.Identity(), inputs_of(5), COUNT, VIEWS)
    torch.testing.assert_close(kept.clean(np.array([7])), torch.from_numpy(views[:1]), rtol=0.005, atol=0.005)


def test_fewer_views_are_the_first_of_more() -> None:
    assert np.array_equal(inputs_of().views(1, range(2)), inputs_of().views(1, range(5))[:2])
    assert not np.array_equal(inputs_of(0).views(1, range(2))[1], inputs_of(1).views(1, range(2))[1])


def test_progress_is_told_and_a_stop_is_heeded() -> None:
    told: list[int] = []

    def check() -> None:
        if told:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        activations_of(front_of(), inputs_of(), COUNT, VIEWS, watch=Watch(lambda *of: told.append(of[1]), check))
    assert told == [16]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("views")]


ONE_VIEW = COUNT * 4 * 7 * 7 * 2  # bytes: 4 channels of 7 × 7 in bfloat16, of every image


@pytest.mark.parametrize(("most", "views"), [(None, VIEWS), (VIEWS * ONE_VIEW, VIEWS), (VIEWS * ONE_VIEW - 1, 2)])
def test_as_many_views_are_kept_as_memory_is_given_for(most: int | None, views: int) -> None:
    kept = activations_of(front_of(), inputs_of(), COUNT, VIEWS, most_bytes=most)
    assert isinstance(kept, KeptActivations)
    assert kept.views() == views
    everything = activations_of(front_of(), inputs_of(), COUNT, VIEWS)
    last = np.full(COUNT, views - 1)
    torch.testing.assert_close(
        kept.take(np.arange(COUNT), last), everything.take(np.arange(COUNT), last), rtol=0.03, atol=0.03
    )


def test_where_memory_holds_less_they_are_made_when_asked_for_and_can_be_trained_on() -> None:
    live = activations_of(front_of(), inputs_of(), COUNT, VIEWS, most_bytes=2 * ONE_VIEW - 1)
    assert isinstance(live, LiveActivations)
    assert live.views() > 1000
    kept = activations_of(front_of(), inputs_of(), COUNT, VIEWS)
    places, numbers = np.array([20, 3, 3, 16]), np.array([2, 0, 1, 2])
    taken = live.take(places, numbers)
    assert taken.dtype == torch.float32
    torch.testing.assert_close(taken, kept.take(places, numbers), rtol=0.03, atol=0.03)
    torch.testing.assert_close(live.clean(places), kept.clean(places), rtol=0.03, atol=0.03)
    assert not torch.equal(live.take(places, numbers + 100), taken)
    layer = nn.Conv2d(4, 2, 1)
    layer(taken).sum().backward()
    assert layer.weight.grad is not None


def test_without_images_there_are_none() -> None:
    with pytest.raises(ValueError, match="no images"):
        activations_of(front_of(), inputs_of(), 0, VIEWS)


def test_another_side_is_another_input() -> None:
    small = replace(PREPROCESSING, size=8)
    names = ["x"] * COUNT
    examples = Examples(np.ones((COUNT, 1), np.float32), names, names, [None] * COUNT, PICTURES.__getitem__)
    assert Inputs(examples, small, Augmentation()).views(0, range(2)).shape == (2, 3, 8, 8)


def test_later_ones_are_made_once_and_not_before_some_are_taken() -> None:
    made: list[KeptActivations] = []

    def make() -> KeptActivations:
        made.append(KeptActivations(torch.arange(6, dtype=torch.bfloat16).reshape(3, 2, 1)))
        return made[-1]

    later = LaterActivations(make)
    assert not made
    assert later.views() == 2
    assert later.take(np.array([2, 0]), np.array([1, 0])).tolist() == [[5.0], [0.0]]
    assert later.clean(np.array([1])).tolist() == [[2.0]]
    assert len(made) == 1


OF_A_VIEW = COUNT / 16  # seconds, where 16 take one


@pytest.mark.parametrize(("most", "views"), [(1000.0, VIEWS), (3 * OF_A_VIEW, 3), (3 * OF_A_VIEW - 0.01, 2)])
def test_as_many_views_are_kept_as_there_is_time_for(
    most: float, views: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()
    monkeypatch.setattr(activations, "time", SimpleNamespace(perf_counter=lambda: float(next(seconds))))
    known = Remembered(tmp_path)
    kept = activations_of(front_of(), inputs_of(), COUNT, VIEWS, most_seconds=most, remembered=known)
    assert kept.views() == views
    again = activations_of(front_of(), inputs_of(), COUNT, VIEWS, most_seconds=0.0, remembered=known)
    assert again.views() == views  # an attempt before has decided: other views would be drawn


def test_without_time_they_are_made_when_asked_for() -> None:
    assert isinstance(activations_of(front_of(), inputs_of(), COUNT, VIEWS, most_seconds=0.0), LiveActivations)
    assert isinstance(activations_of(front_of(), inputs_of(), COUNT, 1, most_seconds=0.0), LiveActivations)
