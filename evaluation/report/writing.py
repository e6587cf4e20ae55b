"""A report on disk: three files, each of them whole or as it was before."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from encoders.adaptation.watch import SILENT
from evaluation.answers.answered import Answered
from evaluation.answers.table import write_answers
from evaluation.report.about import About
from evaluation.report.as_json import report_values
from evaluation.report.page import render_report
from evaluation.report.pool_map import PoolMap
from evaluation.report.whole import report_of
from index.durable_files import write_durably

__all__ = ["ReportFiles", "write_report"]


@dataclass(frozen=True)
class ReportFiles:
    """Where a report is.

    Attributes:
        html: The page, ``report.html``.
        json: Every figure of it, ``report.json``.
        csv: Every answer, ``answers.csv``.
    """

    html: Path
    json: Path
    csv: Path


def write_report(
    folder: Path,
    about: About,
    answers: Sequence[Answered],
    *,
    maps: Sequence[PoolMap] = (),
    picture: Callable[[str], bytes | None] | None = None,
    check: Callable[[], None] = SILENT.check,
) -> ReportFiles:
    """Work out all figures and write the report; files of an earlier one are replaced.

    Args:
        folder: Where the files go; made where there is none.
        about: What was evaluated.
        answers: All of them, at least one. Every figure is of these alone.
        maps: Of some or all folds.
        picture: Bytes of the image file of a query or a demonstration by its id, None for none; they are decoded with
            limits. Without it the page has no pictures.
        check: As of `evaluation.report.contents.contents_of`.

    Raises:
        ValueError: There is no answer.
        OSError: The disk is full, or fails.
    """
    if not answers:
        raise ValueError("a report needs at least one answer")
    report = report_of(about, answers, maps, check=check)
    page = render_report(report, picture)
    values = json.dumps(report_values(report), ensure_ascii=False, allow_nan=False)
    folder.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(folder / "report.html", folder / "report.json", folder / "answers.csv")
    write_answers(files.csv, answers)
    write_durably(files.json, values.encode())
    write_durably(files.html, page.encode())
    return files
