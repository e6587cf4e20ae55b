"""The result of a cell as a JSON file: every query's answer, and what the figures hang on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from benchmarks.quality.answers import Answers
from benchmarks.quality.cell import Cell

__all__ = ["Record", "read_record", "write_record"]

_ZERO = ord("0")  # a number is a character: 0 to 9 as such, −1 as "/", 10 as ":" and so on


@dataclass(frozen=True, eq=False)
class Record:
    """What came out of a cell.

    Attributes:
        cell: It.
        classes: Names of the classes, in ascending order.
        labels: (queries,) class of each query, a place in `classes`.
        rows: Name of each row, and its answers.
        facts: Machine, versions, commit, options, seconds, the adaptation's own report; JSON values.
    """

    cell: Cell
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    rows: Mapping[str, Answers]
    facts: Mapping[str, Any]


def write_record(record: Record, results: Path) -> None:
    """Write it to its place, in whole or not at all."""
    rows = {name: {"answers": _packed(row.classes), "hits": _packed(row.hits)} for name, row in record.rows.items()}
    content = {
        "cell": asdict(record.cell),
        **record.facts,
        "classes": list(record.classes),
        "labels": _packed(record.labels),
        "rows": rows,
    }
    path = record.cell.path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_record(path: Path) -> Record:
    """The inverse of `write_record`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = {
        name: Answers(_unpacked(row["answers"]), _unpacked(row["hits"])) for name, row in content.pop("rows").items()
    }
    cell, classes, labels = Cell(**content.pop("cell")), tuple(content.pop("classes")), content.pop("labels")
    return Record(cell, classes, _unpacked(labels), rows, content)


def _packed(numbers: Int64[np.ndarray, " n"]) -> str:
    return "".join(chr(number + _ZERO) for number in numbers.tolist())


def _unpacked(text: str) -> Int64[np.ndarray, " n"]:
    return np.array([ord(character) - _ZERO for character in text], dtype=np.int64)
