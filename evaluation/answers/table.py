"""Answers as a CSV table (RFC 4180, UTF-8) that is read back as it was written, to the last digit."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evaluation.answers.answered import Answered
from evaluation.answers.cells import COLUMNS, read_cells, to_cells
from index.durable_files import publish, temporary_beside
from invariantselect.errors import AnswersInvalidError

__all__ = ["read_answers", "write_answers"]

_LONGEST = 2**31 - 1  # characters of a cell


def write_answers(path: Path, answers: Iterable[Answered]) -> None:
    """Make `path` hold a header and a row an answer; a reader sees the old file or the whole new one.

    Args:
        path: Of the file; replaced if there is one.
        answers: In the order of the rows.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            rows.writerows(map(to_cells, answers))
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_answers(path: Path) -> list[Answered]:
    """The answers of a table, in the order of its rows. Further columns are passed over.

    Raises:
        AnswersInvalidError: It isn't such a table, or a row of it can't be read; the detail says which.
    """
    # What a model said may be longer than csv allows; its limit is the whole process's, and guards manifests.
    limit = csv.field_size_limit(_LONGEST)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(_answers(path, csv.DictReader(file)))
    finally:
        csv.field_size_limit(limit)


def _answers(path: Path, rows: csv.DictReader[str]) -> Iterator[Answered]:
    try:
        _check(rows.fieldnames)
        for row in rows:
            yield read_cells(row)
    except (AnswersInvalidError, csv.Error, UnicodeDecodeError) as error:
        raise AnswersInvalidError(f"{path}, line {rows.line_num}: {error}") from error


def _check(header: Sequence[str] | None) -> None:
    if missing := [name for name in COLUMNS if name not in (header or ())]:
        raise AnswersInvalidError(f"there is no column {missing[0]!r}")
