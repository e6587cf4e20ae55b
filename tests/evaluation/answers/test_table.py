"""What is written is read again, whatever stands in it."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.answers.answered import Answered
from evaluation.answers.cells import COLUMNS, from_values, to_cells, to_values
from evaluation.answers.table import read_answers, write_answers
from invariantselect.errors import AnswersInvalidError
from tests.evaluation.answers.rows import answers_at_random

# Everything that can be written as UTF-8, line breaks, quotes and NUL among it.
_ANY = st.text(st.characters(codec="utf-8"))
_NAME = _ANY.filter(bool)
_COUNT = st.integers(0, 10**6)
_SHARE = st.floats(0, 1)

# Built in the test: whoever checks types while testing looks at random items, which strategies mustn't.
VALUES = st.fixed_dictionaries(
    {
        "fold": _NAME,
        "query": _NAME,
        "domain": st.none() | _NAME,
        "group": st.none() | _NAME,
        "truth": _NAME,
        "strategy": _NAME,
        "shots": _COUNT,
        "learner": _NAME,
        "answer": st.none() | _NAME,
        "confidence": _SHARE,
        "raw": st.none() | _ANY,
        "demonstrations": st.lists(_NAME, max_size=3).map(tuple),
        "labels": st.lists(_NAME, max_size=3).map(tuple),
        "domains": st.lists(st.none() | _NAME, max_size=3).map(tuple),
        "scores": st.lists(st.floats(-1, 1), max_size=3).map(tuple),
        "barred_group": _COUNT,
        "barred_content": _COUNT,
        "barred_near_duplicate": _COUNT,
    }
)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=5))
def test_a_table_comes_back_as_it_was(rows: list[dict[str, Any]]) -> None:
    answers = [Answered(**row) for row in rows]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        write_answers(path, answers)
        assert list(read_answers(path)) == answers
        assert [file.name for file in Path(folder).iterdir()] == ["answers.csv"]


@given(VALUES)
def test_json_values_come_back_as_they_were(values: dict[str, Any]) -> None:
    answered = Answered(**values)
    assert from_values(to_values(answered)) == answered


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=3), st.sampled_from("=+-@'\t\r"), _ANY)
def test_no_cell_begins_as_a_formula_does(rows: list[dict[str, Any]], sign: str, rest: str) -> None:
    answers = [Answered(**{**row, "query": sign + rest, "answer": sign + rest}) for row in rows]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        write_answers(path, answers)
        assert list(read_answers(path)) == answers
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "\t", "\r"))]
    signed = [cell for cell in cells if cell.startswith(("+", "-"))]
    assert all(cell[1:].replace(".", "", 1).isdecimal() for cell in signed), "numbers alone keep their sign"


@pytest.mark.parametrize(
    ("label", "cell"),
    [("-1", "-1"), ("+0.5", "+0.5"), ("-1+2", "'-1+2"), ("=1", "'=1"), ("-", "'-"), ("'n", "''n"), ("n'", "n'")],
)
def test_a_label_stands_in_its_cell_as_it_is_where_it_can(label: str, cell: str) -> None:
    answered = Answered("f", "q", None, None, label, "random", 1, "vote", None, 0.0)
    assert to_cells(answered)[COLUMNS.index("truth")] == cell


def test_a_long_answer_of_a_model_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    long = Answered("f", "q", None, None, "cat", "random", 1, "lmm", None, 0.0, raw="so " * 100_000)
    write_answers(path, [long])
    limit = csv.field_size_limit()
    assert list(read_answers(path)) == [long]
    assert csv.field_size_limit() == limit  # the process's own, by which others refuse manifests


def rewritten(path: Path, column: str, cell: str | None) -> None:
    """The file with one cell of its second row changed, or without the column."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in COLUMNS if cell is not None or name != column]
    if cell is not None:
        rows[1][column] = cell
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, names, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("shots", "three", "line 3: a row can't be read"),
        ("shots", "", "line 3: a row can't be read"),
        ("confidence", "1,0", "line 3"),
        ("labels", "cat", "line 3"),
        ("labels", "{}", "labels can't be"),
        ("labels", "[1]", "labels can't be"),
        ("truth", "", "truth can't be ''"),
        ("truth", None, "no column 'truth'"),
    ],
)
def test_what_cant_be_read_is_told_with_its_line(tmp_path: Path, column: str, cell: str | None, says: str) -> None:
    path = tmp_path / "answers.csv"
    write_answers(path, answers_at_random(0, queries=3))
    rewritten(path, column, cell)
    with pytest.raises(AnswersInvalidError, match=says):
        list(read_answers(path))


def test_another_file_is_told_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(AnswersInvalidError):
        list(read_answers(path))
