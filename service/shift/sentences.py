"""What a shift report says in sentences, in a terminal and on a page."""

from __future__ import annotations

from evaluation.shift.abstention import LEAST_ANSWERED, best_of
from evaluation.shift.report import ShiftReport
from service.shift.shifting import BatchShift

__all__ = ["abstention_sentence", "distribution_sentence"]


def distribution_sentence(shift: BatchShift) -> str:
    """The energy test in words."""
    test = shift.report.test
    return (
        f"H = {test.effect:.3f}, where 0 is the same distribution, 1 is far apart, and {test.usual_effect:.3f} is "
        f"usual without a shift; p = {test.p_value:.3f}. {test.samples[0]} images of the batch were compared with "
        f"{test.samples[1]} of the pool."
    )


def abstention_sentence(shift: BatchShift) -> str:
    """The threshold in words, or why there is none."""
    report = shift.report
    how = "each domain was left out in turn" if report.domains_left_out else "one half asked the other"
    point = report.threshold
    if point is not None:
        return (
            f"Answer where the {shift.k} nearest agree by {point.threshold:.3f} and are as similar as "
            f"{report.least_familiarity:.4f} on the mean: {report.answered:.1%} of the batch. Where the pool rehearsed "
            f"({how}), that was {point.coverage:.1%} of its images ({point.answered}), and {point.accuracy:.1%} of "
            f"those were answered rightly; {shift.accuracy:.1%} was wanted. {_ranking(report)}"
        )
    best = best_of(report.curve)
    if best is None:
        count = report.curve[-1].answered if report.curve else 0
        return f"No threshold: the pool can rehearse with {count} images only, and {LEAST_ANSWERED} are needed."
    return (
        f"No threshold: where the pool rehearsed ({how}), no agreement had an accuracy of {shift.accuracy:.1%}. "
        f"The best was {best.accuracy:.1%}, from {best.threshold:.3f} on, of {best.answered} images. {_ranking(report)}"
    )


def _ranking(report: ShiftReport) -> str:
    if report.ranking is None:
        return "All answers were right." if report.curve[-1].accuracy else "No answer was right."
    return (
        f"The nearest agreed more for a right answer than for a wrong one in {report.ranking:.0%} of all pairs, where "
        "50% says nothing."
    )
