"""What an adaptation's request says of objectives is what the training code says of them, without importing it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from encoders.objectives.registry import OBJECTIVES, objective
from invariantselect.errors import InvalidRequestError
from invariantselect.wire.adaptation import AdaptRequest
from invariantselect.wire.objectives import OPTIONS, ObjectiveName, check_options

ROOT = Path(__file__).parents[2]


def test_every_objective_can_be_asked_for_with_its_options_and_their_defaults() -> None:
    assert list(OPTIONS) == list(OBJECTIVES) == sorted(get_args(ObjectiveName))
    for name, options in OPTIONS.items():
        wanted = {field.name: field.default for field in dataclasses.fields(OBJECTIVES[name])}
        assert {key: field.default for key, field in options.model_fields.items()} == wanted


GOOD: list[tuple[ObjectiveName, dict[str, Any]]] = [
    ("cci", {}),
    ("cci", {"temperature": 0.07, "positives": "other_domain"}),
    ("dcl", {"temperature": 1}),
    ("supcon", {"temperature": 1e-6}),
    ("supcon", {"temperature": 1e6}),
    ("cross_entropy", {"label_smoothing": 0}),
    ("cross_entropy", {"label_smoothing": 0.99}),
]
BAD: list[tuple[ObjectiveName, dict[str, Any]]] = [
    ("cci", {"temprature": 0.1}),
    ("cci", {"label_smoothing": 0.1}),
    ("cross_entropy", {"positives": "same_class"}),
    ("cci", {"temperature": 0}),
    ("cci", {"temperature": 9e-7}),
    ("supcon", {"temperature": 1.1e6}),
    ("cci", {"temperature": float("nan")}),
    ("cci", {"temperature": float("inf")}),
    ("cci", {"temperature": "0.1"}),
    ("cci", {"temperature": True}),
    ("dcl", {"positives": "everyone"}),
    ("dcl", {"positives": 1}),
    ("cross_entropy", {"label_smoothing": 1}),
    ("cross_entropy", {"label_smoothing": -0.1}),
    ("cross_entropy", {"label_smoothing": False}),
]


@pytest.mark.parametrize(("name", "options"), GOOD)
def test_what_the_training_code_takes_may_be_asked_for(name: ObjectiveName, options: dict[str, Any]) -> None:
    check_options(name, options)
    made = objective(name, **AdaptRequest(objective=name, options=options).options)
    assert made.options() == {**OBJECTIVES[name]().options(), **options}


@pytest.mark.parametrize(("name", "options"), BAD)
def test_what_the_training_code_refuses_is_refused_by_name(name: ObjectiveName, options: dict[str, Any]) -> None:
    [option] = options
    with pytest.raises(ValueError, match=option):
        check_options(name, options)
    with pytest.raises(InvalidRequestError):
        objective(name, **options)


def test_requests_are_checked_without_the_training_code() -> None:
    code = (
        "import sys; from invariantselect.wire.adaptation import AdaptRequest; import service.routers.adaptation;"
        "AdaptRequest(objective='dcl', options={'temperature': 1}); print('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert ended.stdout == "False\n"
