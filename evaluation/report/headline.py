"""Does it help here? The answer in words, as far as the intervals bear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from evaluation.figures import Figures
from evaluation.report.contents import Contents, Difference
from evaluation.report.strategies import shown_name
from evaluation.report.wording import percent
from evaluation.statistics.bootstrap import Estimate

__all__ = ["Finding", "Headline", "Verdict", "headline_of", "sign", "verdict_of"]


class Verdict(StrEnum):
    """What accuracy and macro accuracy say together."""

    HELPS = "helps"
    HURTS = "hurts"
    UNCLEAR = "no clear difference"
    DIVIDED = "helps by one measure, hurts by the other"
    TOO_FEW = "too few to tell"


_FEWEST_UNITS = 6  # where a two-sided sign test can reach 5 %
_TITLES: Mapping[Verdict, str] = {
    Verdict.HELPS: "{one} helps here",
    Verdict.HURTS: "{one} does worse than {other} here",
    Verdict.UNCLEAR: "{one} makes no clear difference here",
    Verdict.DIVIDED: "{one} helps by one measure and hurts by the other",
    Verdict.TOO_FEW: "{one} and {other} differ on too few patients or groups to tell which is better",
}


@dataclass(frozen=True)
class Finding:
    """What one learner's answers say.

    Attributes:
        main: The strategy in question against its nearest rival, with the most shots that both have.
        others: The same against every further rival, and against the zero-shot row.
        verdict: Of `main`.
    """

    main: Difference
    others: tuple[Difference, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Headline:
    """The first thing that a reader sees.

    Attributes:
        title: The answer in a sentence.
        findings: Of each learner; none where there is nothing to compare.
    """

    title: str
    findings: tuple[Finding, ...]


def headline_of(contents: Contents) -> Headline:
    """The answer of a report."""
    findings = tuple(finding for learner in contents.learners if (finding := _finding(contents, learner)))
    if not findings:
        row, figures = max(contents.rows.items(), key=lambda item: item[0].shots)
        return Headline(_alone(shown_name(row.strategy), row.shots, figures), ())
    one, other = findings[0].main.one, findings[0].main.other
    verdicts = {finding.verdict for finding in findings}
    if len(verdicts) > 1:
        return Headline(f"Whether {shown_name(one.strategy)} helps here depends on the learner", findings)
    title = _TITLES[verdicts.pop()].format(one=shown_name(one.strategy), other=shown_name(other.strategy))
    return Headline(title, findings)


def verdict_of(difference: Difference) -> Verdict:
    """What a difference amounts to; a rare class counts in macro accuracy what a common one counts in accuracy.

    Fewer than six units that differ are no evidence: five tosses of a fair coin fall alike one time in sixteen. The
    bootstrap of so few is far too narrow.
    """
    signs = {sign(difference.found.accuracy), sign(difference.found.macro_accuracy)}
    if signs != {0} and difference.found.units < _FEWEST_UNITS:
        return Verdict.TOO_FEW
    if signs >= {1, -1}:
        return Verdict.DIVIDED
    return Verdict.HELPS if 1 in signs else Verdict.HURTS if -1 in signs else Verdict.UNCLEAR


def sign(estimate: Estimate) -> int:
    """1 for an interval above 0, −1 for one below, 0 for one that holds it."""
    return (estimate.low > 0) - (estimate.high < 0)


def _finding(contents: Contents, learner: str) -> Finding | None:
    """The preferred strategy's differences: the first rival that it has the most shots in common with comes first."""
    if not contents.strategies:
        return None
    best = contents.strategies[0]
    mine = [each for each in contents.differences if each.one.learner == learner and each.one.strategy == best]
    if not mine:
        return None
    rivals = [each for each in mine if each.other.shots] or mine
    preferred = (contents.strategies.index(each.other.strategy) if each.other.shots else 0 for each in rivals)
    main = min(zip(preferred, rivals, strict=True), key=lambda item: (item[0], -item[1].one.shots))[1]
    others = tuple(each for each in mine if each.one == main.one and each is not main)
    return Finding(main, others, verdict_of(main))


def _alone(name: str, shots: int, figures: Figures) -> str:
    told = f"{percent(figures.accuracy.value)} % right"
    return f"{told} without demonstrations" if not shots else f"{told} with {shots} demonstrations by {name}"
