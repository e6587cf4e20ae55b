"""What came of an adaptation, as a table of candidates and a sentence."""

from __future__ import annotations

from invariantselect.wire.adaptation import AdaptationResult
from invariantselect.wire.jobs import Job
from service.cli.terminal import print_table, printable, results

__all__ = ["print_adaptation"]


def print_adaptation(job: Job) -> None:
    """The candidates with their figures, and which of them serves, or why none does.

    Args:
        job: Of kind adapt, succeeded.
    """
    result = AdaptationResult.model_validate(job.result)
    numbers = ["accuracy", "macro", "precision", "score", "credit", "centred"]
    rows = []
    for each in result.contestants:
        figures = [each.accuracy, each.macro_accuracy, each.precision, each.score]
        centred = None if each.centred is None else f"{each.centred.score:.3f}"
        credit = f"+{each.credit:.2f}" if each.credit else None
        rows.append((each.name, *(f"{figure:.3f}" for figure in figures), credit, centred))
    print_table(["candidate", *numbers], rows, right=numbers)
    for depth, why in result.left_out.items():
        results().print(printable(f"{depth} took no part: {why}."))
    results().print(printable(_decision(result)))


def _decision(result: AdaptationResult) -> str:
    if result.switched:
        forced = "" if result.reason is None else f" That was forced: {result.reason}."
        return (
            f"Version {result.version} serves: {result.winner}, {result.score:.3f} on domains it had not seen, where "
            f"the frozen encoder has {result.frozen_score:.3f}.{forced}"
        )
    if result.version is None:
        return f"Nothing was changed: {result.reason}."
    return f"Version {result.version} ({result.winner}) was made and doesn't serve: {result.reason}."
