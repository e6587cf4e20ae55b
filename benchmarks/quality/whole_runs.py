"""How long all cells of a seed took, where they were run in one go with nothing there beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from benchmarks.quality.record import Record

__all__ = ["whole_runs"]

_BUSY = 0.9  # of the time; a run that was interrupted for longer wasn't one


def whole_runs(sets: Sequence[Sequence[Record]]) -> list[str]:
    """A sentence for each seed of which that is so.

    Args:
        sets: The records of each set.
    """
    seeds = sorted({record.cell.seed for records in sets for record in records})
    told = []
    for seed in seeds:
        of_seed = [[record for record in records if record.cell.seed == seed] for records in sets]
        minutes = _minutes([record for records in of_seed for record in records]) if _complete(of_seed) else None
        if minutes is not None:
            told.append(
                f"Seed {seed} took {minutes:.0f} minutes in one go, with no vector and no training there before"
            )
    return told


def _complete(sets: Iterable[Sequence[Record]]) -> bool:
    """Whether every domain of every set is there."""
    return all({each.cell.domain for each in records} == set(_domains(records)) for records in sets)


def _domains(records: Sequence[Record]) -> Sequence[str]:
    domains: Sequence[str] = records[0].facts["domains"] if records else ("any",)
    return domains


def _minutes(records: Sequence[Record]) -> float | None:
    """From the beginning of the first cell to the end of the last; None where there was something before, or a gap."""
    if any(record.facts.get("resumed", True) or "finished" not in record.facts for record in records):
        return None
    ends = [datetime.fromisoformat(record.facts["finished"]).timestamp() for record in records]
    lengths = [record.facts["seconds"] for record in records]
    whole = max(ends) - min(end - length for end, length in zip(ends, lengths, strict=True))
    busy = sum(record.facts["seconds"] / record.facts["options"]["at_once"] for record in records)
    return whole / 60 if busy >= _BUSY * whole else None
