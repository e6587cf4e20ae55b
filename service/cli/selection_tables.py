"""Selections as tables: results to stdout, what they were made from to stderr."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest

from invariantselect.wire import Comparison, Selected, Selection
from service.cli.terminal import print_table, printable, progress

__all__ = ["print_answer", "print_comparison", "print_selection"]


def print_answer(answer: Selection | Comparison) -> None:
    """A selection, or several side by side."""
    if isinstance(answer, Selection):
        print_selection(answer)
    else:
        print_comparison(answer)


def print_selection(selection: Selection) -> None:
    """A selection as a table in prompt order, and what it was made from."""
    rows = [
        (place, chosen.rank, f"{chosen.score:.4f}", chosen.label, chosen.domain, chosen.group, chosen.id)
        for place, chosen in enumerate(selection.demonstrations, start=1)
    ]
    print_table(["#", "rank", "score", "label", "domain", "group", "id"], rows, right=["#", "rank", "score"])
    _print_shortfall(selection)
    _print_origin(selection)


def print_comparison(comparison: Comparison) -> None:
    """The selections of several strategies, a row for each place in the prompt; then what each was made from."""
    selections = comparison.selections
    headings = ["#", *(heading for strategy in selections for heading in (strategy, "label", "domain", "score"))]
    together = zip_longest(*(selection.demonstrations for selection in selections.values()))
    rows = [[place, *(cell for each in row for cell in _cells(each))] for place, row in enumerate(together, start=1)]
    print_table(headings, rows, right=["#", "score"])
    _print_overlap(comparison)
    for strategy, selection in selections.items():
        labels = Counter(chosen.label for chosen in selection.demonstrations)
        told = ", ".join(f"{printable(label)} {count}" for label, count in labels.most_common())
        progress().print(f"{strategy}: {told or 'nothing may be chosen'}")
        _print_shortfall(selection)
        _print_origin(selection)


def _cells(chosen: Selected | None) -> list[str | None]:
    return [""] * 4 if chosen is None else [chosen.id, chosen.label, chosen.domain, f"{chosen.score:.4f}"]


def _print_overlap(comparison: Comparison) -> None:
    chosen = [{each.id for each in selection.demonstrations} for selection in comparison.selections.values()]
    shared, most = len(set.intersection(*chosen)), max(map(len, chosen))
    verb, whom = "is" if shared == 1 else "are", "both" if len(chosen) == 2 else "all"
    progress().print(f"{shared} of {most} {verb} chosen by {whom}.")


def _print_shortfall(selection: Selection) -> None:
    if selection.shortfall:
        progress().print(f"{selection.shortfall} fewer than the {selection.k} asked for: no more may be chosen.")


def _print_origin(selection: Selection) -> None:
    spent = selection.timings
    progress().print(
        f"{selection.pool}, snapshot {selection.snapshot}, encoder version {selection.encoder_version} "
        f"({selection.encoder}); decode {spent.decode_ms:.0f} ms, encode {spent.encode_ms:.0f} ms, "
        f"search {spent.search_ms:.1f} ms, select {spent.select_ms:.1f} ms",
        style="dim",
    )
