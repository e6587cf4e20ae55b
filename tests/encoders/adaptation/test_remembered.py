"""What decides how a training goes is measured once; and how many steps a budget allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders.adaptation.remembered import Remembered
from encoders.adaptation.step_count import steps_within
from invariantselect.errors import StoreCorruptError


def never() -> int:
    raise AssertionError("this was measured before")


def test_what_was_measured_is_remembered_by_the_next_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    assert Remembered(folder).once("steps", lambda: 70) == 70
    assert Remembered(folder).once("half", lambda: False) is False
    assert Remembered(folder).once("steps", never) == 70
    assert Remembered(folder).once("half", never) is False
    assert [path.name for path in folder.iterdir()] == ["measured.json"]


def test_what_is_measured_while_something_else_is_stays_remembered(tmp_path: Path) -> None:
    def of_views() -> int:
        return 10 * Remembered(tmp_path).once("views", lambda: 6)

    assert Remembered(tmp_path).once("steps", of_views) == 60
    assert Remembered(tmp_path).once("views", never) == 6
    assert Remembered(tmp_path).once("steps", never) == 60


def test_without_a_folder_it_is_measured_each_time() -> None:
    values = iter([1, 2])
    nowhere = Remembered(None)
    assert [nowhere.once("steps", lambda: next(values)) for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"steps": "many"}', b"\xff"])
def test_a_damaged_file_is_told_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "measured.json").write_bytes(content)
    with pytest.raises(StoreCorruptError, match=r"measured\.json"):
        Remembered(tmp_path).once("steps", never)


def test_a_budget_is_shared_by_the_trainings() -> None:
    assert steps_within(1000.0, 2.0, trainings=5) == 100
    assert steps_within(1000.0, 0.0, trainings=5) == 400  # more never paid
    assert steps_within(100.0, 2.0, trainings=5) == 0  # ten steps teach nothing
    assert steps_within(-10.0, 2.0, trainings=5) == 0
