"""Each reader of untrusted input, a few hundred damaged inputs long, the same on every run; `make fuzz` goes on."""

from __future__ import annotations

import random

import pytest

from benchmarks.fuzz.mutations import mutated
from benchmarks.fuzz.targets import TARGETS
from invariantselect.errors import InvariantSelectError

INPUTS = 150


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_gives_an_answer_or_an_error_of_ours(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)
    others = [sound for each in TARGETS.values() for sound in each.sound]
    for sound in target.sound:
        target.read(sound)
    for _ in range(INPUTS):
        data = mutated(chance.choice(target.sound), others, chance)
        try:
            target.read(data)
        except InvariantSelectError:
            continue
