"""What a reader must know before they believe a figure."""

from __future__ import annotations

from evaluation.report.about import About
from evaluation.report.contents import Contents
from evaluation.report.strategies import shown_name
from evaluation.report.wording import percent

__all__ = ["caveats_of"]

_FEW_UNITS = 50
_BARRED = {
    "group": "they have the query’s group",
    "content": "they are the query’s file",
    "near_duplicate": "they look like copies of the query",
}


def caveats_of(about: About, contents: Contents) -> list[str]:
    """Sentences, the notes of whoever made the evaluation first."""
    return [
        *about.notes,
        *_unanswerable(about),
        *_unanswered(contents),
        *_barred(contents),
        *_units(contents),
        "Intervals say how another sample of patients might have come out, not another choice of domains.",
        "Nothing is corrected for the number of rows that are compared.",
    ]


def _unanswerable(about: About) -> list[str]:
    count = sum(fold.unanswerable for fold in about.folds)
    if not count:
        return []
    return [f"{count} {_of('query', 'queries', count)} nobody can answer from demonstrations: none has the label."]


def _unanswered(contents: Contents) -> list[str]:
    told = []
    for learner in contents.learners:
        rows = [(row, figures) for row, figures in contents.rows.items() if row.learner == learner]
        model = learner.startswith("lmm:")  # which may know without demonstrations, and be cut off or refuse
        if not model and any(not row.shots and figures.unanswered == 1 for row, figures in rows):
            told.append(f"{learner} knows nothing but its demonstrations: with zero shots it doesn’t answer.")
        worst, row = max(
            ((figures.unanswered, row) for row, figures in rows if row.shots or model), default=(0.0, None)
        )
        if row is not None and worst > 0:
            told.append(
                f"{learner} gave no answer, or none that could be read, to up to {percent(worst)} % of the queries "
                f"({shown_name(row.strategy)}, {row.shots} {_of('shot', 'shots', row.shots)}); they count as wrong."
            )
    return told


def _barred(contents: Contents) -> list[str]:
    told = []
    for reason, count in contents.barred.items():
        if count.demonstrations:
            queries = f"{count.queries} {_of('query', 'queries', count.queries)}"
            told.append(f"{count.demonstrations} because {_BARRED[reason]} ({queries})")
    if not told:
        return ["No demonstration was barred: none shares a group or a file with a query, or looks like a copy of one."]
    return [f"Demonstrations barred, counted for each query: {'; '.join(told)}. No strategy was shown them."]


def _units(contents: Contents) -> list[str]:
    if contents.units >= _FEW_UNITS:
        return []
    return [
        f"There are only {contents.units} groups, and images without one, to resample: intervals are narrower than "
        "they should be."
    ]


def _of(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
