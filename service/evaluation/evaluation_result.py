"""What came of an evaluation, as it goes over the wire: read from its report, so that both say the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from invariantselect.wire.evaluation import EvaluatedFold, EvaluatedRow, EvaluationResult, ReportFile

__all__ = ["result_in"]

_PLAINEST_FIRST = ("none", "random", "topk_nearest", "invariant_select")


def result_in(report: Path) -> EvaluationResult:
    """The figures of every row.

    Args:
        report: ``report.json``.
    """
    values = json.loads(report.read_bytes())
    about = values["about"]
    return EvaluationResult(
        protocol=about["protocol"],
        snapshot=about["snapshot"],
        rows=_in_order([EvaluatedRow.model_validate(row) for row in values["rows"]]),
        folds=[EvaluatedFold.model_validate(fold) for fold in about["folds"]],
        notes=values["caveats"],
        files=list(get_args(ReportFile)),
    )


def _in_order(rows: Sequence[EvaluatedRow]) -> list[EvaluatedRow]:
    """Learner by learner as they come, strategies from the plainest on, shots ascending."""
    learners = list(dict.fromkeys(row.learner for row in rows))
    place = {name: number for number, name in enumerate(_PLAINEST_FIRST)}
    return sorted(
        rows,
        key=lambda row: (learners.index(row.learner), place.get(row.strategy, len(place)), row.strategy, row.shots),
    )
