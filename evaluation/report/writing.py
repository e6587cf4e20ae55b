"""A report on disk: three files, each of them whole or as it was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.answers.answered import Answered
from evaluation.report.about import About
from evaluation.report.pool_map import PoolMap

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
) -> ReportFiles:
    """Work out all figures and write the report; files of an earlier one are replaced.

    Args:
        folder: Where the files go; made where there is none.
        about: What was evaluated.
        answers: All of them, at least one. Every figure is of these alone.
        maps: Of some or all folds.
        picture: Bytes of the image file of a query or a demonstration by its id, None for none; they are decoded with
            limits. Without it the page has no pictures.

    Raises:
        ValueError: There is no answer.
        OSError: The disk is full, or fails.
    """
    raise NotImplementedError
