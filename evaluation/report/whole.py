"""A report before it is written: all that its page and its JSON say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from encoders.adaptation.watch import SILENT
from evaluation.answers.answered import Answered
from evaluation.figures import by_row
from evaluation.report.about import About
from evaluation.report.contents import Contents, contents_of
from evaluation.report.gallery import Gallery, gallery_of
from evaluation.report.headline import Headline, headline_of
from evaluation.report.pool_map import PoolMap
from evaluation.report.sections.caveats import caveats_of
from evaluation.report.sections.exhibits import most_queries

__all__ = ["Report", "report_of"]


@dataclass(frozen=True, eq=False)
class Report:
    """What is said.

    Attributes:
        about: What was evaluated.
        contents: All figures.
        headline: What they amount to.
        caveats: What a reader must know.
        gallery: Where the strategies differ; None without two of them.
        maps: Of folds.
    """

    about: About
    contents: Contents
    headline: Headline
    caveats: tuple[str, ...]
    gallery: Gallery | None
    maps: tuple[PoolMap, ...]


def report_of(
    about: About, answers: Sequence[Answered], maps: Sequence[PoolMap], *, check: Callable[[], None] = SILENT.check
) -> Report:
    """Work everything out.

    Args:
        about: What was evaluated.
        answers: All of them, at least one.
        maps: Of some or all folds.
        check: As of `evaluation.report.contents.contents_of`.
    """
    contents = contents_of(answers, seed=about.seed, check=check)
    headline = headline_of(contents)
    caveats = tuple(caveats_of(about, contents))
    return Report(about, contents, headline, caveats, _gallery(headline, answers, about.seed), tuple(maps))


def _gallery(headline: Headline, answers: Sequence[Answered], seed: int) -> Gallery | None:
    """Of the first learner's main difference, where both sides have demonstrations to show."""
    if not headline.findings or not headline.findings[0].main.other.shots:
        return None
    one, other = headline.findings[0].main.one, headline.findings[0].main.other
    rows = by_row(answers)
    return gallery_of(one, other, rows[one], rows[other], most=most_queries(one.shots), seed=seed)
