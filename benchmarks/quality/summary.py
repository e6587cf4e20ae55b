"""From records to figures: of one domain, and of the mean over a set's domains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality.answers import K
from benchmarks.quality.bootstrap import Estimate, Sample, estimate
from benchmarks.quality.cell import Protocol
from benchmarks.quality.record import Record, read_record

__all__ = ["FIGURES", "Summary", "read_all"]

FIGURES = ("accuracy", "macro accuracy", f"precision@{K}")


def read_all(results: Path, protocol: Protocol) -> list[Record]:
    """Every record of a protocol, in the order of their names."""
    return [read_record(path) for path in sorted((results / protocol).glob("*.json"))]


class Summary:
    """The records of one set and protocol.

    Args:
        records: Of all domains and seeds that are there; at least one.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = sorted(records, key=lambda record: (record.cell.domain, record.cell.seed))
        self.domains = sorted({record.cell.domain for record in records})
        self.missing = sorted(set(records[0].facts["domains"]) - set(self.domains))
        self.seeds = min(len(self._of(domain)) for domain in self.domains)
        self.rows = [row for row in _names(self.records) if all(row in record.rows for record in self.records)]
        self.partial = [row for row in _names(self.records) if row not in self.rows]

    def mean(self, row: str, figure: str) -> Estimate:
        """Over all domains that were measured."""
        return estimate([self._samples(domain, row, figure) for domain in self.domains])

    def of(self, domain: str, row: str, figure: str) -> Estimate | None:
        """Of one domain; None where a record lacks the row."""
        there = all(row in record.rows for record in self._of(domain))
        return estimate([self._samples(domain, row, figure)]) if there else None

    def _of(self, domain: str) -> list[Record]:
        return [record for record in self.records if record.cell.domain == domain]

    def _samples(self, domain: str, row: str, figure: str) -> list[Sample]:
        """One sample where all seeds ask the same queries, else one a seed."""
        records = self._of(domain)
        worths = [_worth(record, row, figure) for record in records]
        macro = figure == "macro accuracy"
        if records[0].cell.protocol == "leave_one_domain_out":
            return [Sample(records[0].labels, np.mean(worths, axis=0), macro)]
        return [Sample(record.labels, worth, macro) for record, worth in zip(records, worths, strict=True)]


def _names(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(row for record in records for row in record.rows))


def _worth(record: Record, row: str, figure: str) -> np.ndarray:
    answers = record.rows[row]
    if figure == FIGURES[2]:
        return answers.hits / K
    return (answers.classes == record.labels).astype(np.float64)
