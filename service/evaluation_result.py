"""What came of an evaluation, as it goes over the wire: read from its report, so that both say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

from invariantselect.wire.evaluation import EvaluatedFold, EvaluatedRow, EvaluationResult, ReportFile

__all__ = ["result_in"]


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
        rows=[EvaluatedRow.model_validate(row) for row in values["rows"]],
        folds=[EvaluatedFold.model_validate(fold) for fold in about["folds"]],
        notes=values["caveats"],
        files=list(get_args(ReportFile)),
    )
