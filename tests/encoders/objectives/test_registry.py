from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch
from torch import nn

from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from encoders.objectives.pairs import check_positives
from encoders.objectives.registry import OBJECTIVES, objective
from invariantselect.errors import InvalidRequestError
from tests.encoders.objectives.test_pair_objectives import batch_of


def test_every_objective_goes_by_its_name_and_back_through_json() -> None:
    assert list(OBJECTIVES) == ["cci", "cross_entropy", "dcl", "supcon"]
    for name, kind in OBJECTIVES.items():
        made = objective(name, temperature=0.25)
        assert type(made) is kind
        assert objective(name, **json.loads(json.dumps(made.options()))) == made
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.temperature = 1.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_trainer_needs_to_know_nothing_of_the_loss(name: str) -> None:
    rows, labels, domains = batch_of(0, [0, 0, 1, 1], [0, 1, 0, 1], dtype=torch.float32)
    rows = nn.Parameter(rows)
    loss = objective(name).build(4, 2, seed=3)
    optimiser = torch.optim.SGD([rows, *loss.parameters()], lr=0.05)
    values = []
    for _ in range(20):
        optimiser.zero_grad()
        value = loss(rows, labels, domains)
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < values[0]
    again = objective(name).build(4, 2, seed=9)
    again.load_state_dict(loss.state_dict())
    assert torch.equal(again(rows, labels, domains), loss(rows, labels, domains))


def test_whole_numbers_are_numbers() -> None:
    assert objective("cci", temperature=1) == Cci(temperature=1.0)
    assert isinstance(objective("cci", temperature=1).options()["temperature"], float)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("ccl", {}, "no objective 'ccl'"),
        ("cci", {"temprature": 0.1}, "no option 'temprature'"),
        ("cci", {"temperature": 0}, "temperature is 0"),
        ("cci", {"temperature": -1.0}, "temperature"),
        ("cci", {"temperature": math.nan}, "temperature is nan"),
        ("cci", {"temperature": math.inf}, "temperature is inf"),
        ("cci", {"temperature": "0.1"}, "no number"),
        ("cci", {"temperature": True}, "no number"),
        ("cci", {"temperature": None}, "no number"),
        ("supcon", {"positives": "everyone"}, "everyone"),
        ("dcl", {"positives": []}, "positives"),
        ("cross_entropy", {"label_smoothing": 1}, "label_smoothing"),
        ("cross_entropy", {"label_smoothing": math.nan}, "label_smoothing"),
        ("cross_entropy", {"positives": "same_class"}, "no option"),
    ],
)
def test_what_does_not_exist_is_refused_in_words(name: str, options: dict, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words) as caught:
        objective(name, **options)
    assert caught.value.hint


def test_a_rule_for_positives_is_checked_also_where_no_types_are() -> None:
    with pytest.raises(ValueError, match="positives is 'everyone', known are same_class, other_domain"):
        check_positives("everyone")


def test_the_example_of_the_docstring_holds() -> None:
    assert repr(objective("cci", temperature=0.07)) == "Cci(temperature=0.07, positives='same_class')"
    assert CrossEntropy().name == "cross_entropy"


def test_a_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="not valid"):
        objective("cci", temperature=10**400)
