"""The demo's table: what each strategy's demonstrations are worth, domain by domain."""

from __future__ import annotations

from collections.abc import Sequence

from service.cli.terminal import print_table, results
from service.demo.accuracy import DomainAccuracy
from service.demo.domains import HELD_OUT

__all__ = ["print_accuracies"]


def print_accuracies(rows: Sequence[DomainAccuracy]) -> None:
    """Accuracies as a table, the domain that the pool has never seen first, and what they say.

    Args:
        rows: At least one, all with the same strategies.
    """
    strategies = list(rows[0].by_strategy)
    print_table(
        ["queries of", *strategies],
        [
            (
                f"{row.domain}{' (never seen)' if row.domain == HELD_OUT else ''}",
                *(f"{row.by_strategy[strategy]:.2f}" for strategy in strategies),
            )
            for row in rows
        ],
        right=strategies,
    )
    unseen = next((row.by_strategy for row in rows if row.domain == HELD_OUT), {})
    if "invariant_select" not in unseen:
        return
    before, after = unseen["topk_nearest"], unseen["invariant_select"]
    if after > before:
        results().print(
            f"\nOn the domain that the pool has never seen a share of {after:.2f} is right, with the frozen encoder "
            f"{before:.2f}:\nthe neighbours now share the digit rather than the look. That is what this project is for."
        )
    else:
        results().print("\nOn the domain that the pool has never seen the adaptation didn't help this time.")
