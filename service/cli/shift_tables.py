"""A shift report in a terminal."""

from __future__ import annotations

from evaluation.shift.abstention import points_at
from evaluation.shift.nearness import QUANTILES
from service.cli.terminal import print_table, printable, progress, results
from service.shift.sentences import abstention_sentence, distribution_sentence
from service.shift.shifting import BatchShift

__all__ = ["print_shift"]

_STEPS = 10
_MEDIAN = QUANTILES.index(0.5)


def print_shift(shift: BatchShift, *, least: int) -> None:
    """The report to stdout; what it is about, and what was left out, to stderr.

    Args:
        shift: The report.
        least: How many of the least familiar images are listed.
    """
    _print_nearness(shift)
    results().print(f"The same distribution? {distribution_sentence(shift)}")
    results().print()
    results().print(abstention_sentence(shift))
    _print_curve(shift)
    if least:
        _print_least(shift, least)
    for each in shift.left_out:
        progress().print(f"left out: {printable(each.name)} ({printable(each.reason)})")
    progress().print(
        f"{shift.pool}, snapshot {shift.snapshot}, {shift.demonstrations} demonstrations, encoder {shift.encoder}",
        style="dim",
    )


def _print_nearness(shift: BatchShift) -> None:
    if not shift.report.domains:
        progress().print("No demonstration has a domain, so there is no nearness to one.")
        return
    quantiles = [f"{quantile:.0%}" for quantile in QUANTILES]
    rows = [
        (
            near.domain,
            f"{near.share:.1%}",
            *(f"{value:.4f}" for value in near.similarity),
            None if near.own is None else f"{near.own[_MEDIAN]:.4f}",
        )
        for near in shift.report.domains
    ]
    headings = ["domain", "nearest", *quantiles, "usual 50%"]
    print_table(headings, rows, right=headings[1:])
    results().print()


def _print_curve(shift: BatchShift) -> None:
    headings = ["coverage", "from agreement", "accuracy", "images"]
    rows = [
        (f"{point.coverage:.1%}", f"{point.threshold:.3f}", f"{point.accuracy:.1%}", point.answered)
        for point in points_at(shift.report.curve, _STEPS)
    ]
    print_table(headings, rows, right=headings)


def _print_least(shift: BatchShift, least: int) -> None:
    results().print()
    words = {None: None, True: "answer", False: "abstain"}
    rows = [
        (
            f"{shift.report.familiarity[place]:.4f}",
            f"{shift.report.agreement[place]:.3f}",
            words[shift.is_answered(place)],
            shift.names[place],
        )
        for place in shift.least_familiar()[:least]
    ]
    print_table(["familiarity", "agreement", "", "least familiar images"], rows, right=["familiarity", "agreement"])
