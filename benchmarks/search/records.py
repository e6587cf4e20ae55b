"""What was measured of search: a JSON file for each part and size, so that a run that is cut off keeps what it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from benchmarks.search.kinds import WayFigures
from benchmarks.search.live import LiveFigures
from benchmarks.search.pool import Rebuilt, Served

__all__ = ["RESULTS", "Arranged", "Circumstances", "PoolRecord", "WaysRecord", "read", "write"]

RESULTS = Path(__file__).parent / "results"

_Record = TypeVar("_Record", "WaysRecord", "PoolRecord")


@dataclass(frozen=True)
class Circumstances:
    """Of a measurement.

    Attributes:
        dim: Length of a vector.
        recall: What approximate kinds were asked for.
        rounds: How many.
        machine: In a line.
        day: When it ended.
    """

    dim: int
    recall: float
    rounds: int
    machine: str
    day: date


@dataclass(frozen=True)
class WaysRecord:
    """Every way of searching so many vectors."""

    count: int
    circumstances: Circumstances
    ways: list[WayFigures]


@dataclass(frozen=True)
class Arranged:
    """A pool after a rebuild: what that took, a process that searches it, and a server that has it."""

    rebuilt: Rebuilt
    served: Served
    live: LiveFigures


@dataclass(frozen=True)
class PoolRecord:
    """A pool of so many vectors, arranged one way after the other."""

    count: int
    circumstances: Circumstances
    arranged: list[Arranged]


def write(record: WaysRecord | PoolRecord, results: Path = RESULTS) -> None:
    """Write it to its place, in whole or not at all, over an earlier one of the same part and size."""
    path = results / f"{_PREFIX[type(record)]}-{record.count}.json"
    results.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(TypeAdapter(type(record)).dump_json(record) + b"\n")
    part.replace(path)


def read(kind: type[_Record], results: Path = RESULTS) -> list[_Record]:
    """All of a part, the smallest size first."""
    found = [TypeAdapter(kind).validate_json(path.read_bytes()) for path in results.glob(f"{_PREFIX[kind]}-*.json")]
    return sorted(found, key=lambda record: record.count)


_PREFIX: dict[type[WaysRecord] | type[PoolRecord], str] = {WaysRecord: "ways", PoolRecord: "pool"}
