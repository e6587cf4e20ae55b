"""Records with made-up answers."""

import numpy as np

from benchmarks.quality.answers import Answers
from benchmarks.quality.cell import Cell
from benchmarks.quality.record import Record

DOMAINS = ["art", "photo"]


def record(cell: Cell, labels: list[int], rows: dict[str, list[int]]) -> Record:
    """Each row's answers; a right one has seven hits, a wrong one none."""
    truth = np.array(labels)
    answers = {name: Answers(np.array(given), np.where(np.array(given) == truth, 7, 0)) for name, given in rows.items()}
    facts = {"domains": DOMAINS, "machine": "a machine", "commit": "c0ffee", "seconds": 60.0}
    return Record(
        cell, ("cat", "dog"), truth, answers, facts | {"options": {"steps": 200, "budget": None, "at_once": 1}}
    )
