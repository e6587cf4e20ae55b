"""A shift report as JSON."""

from __future__ import annotations

from dataclasses import asdict

from evaluation.shift.abstention import points_at
from evaluation.shift.nearness import QUANTILES, Nearness
from service.shift.shifting import BatchShift

__all__ = ["shift_as_json"]

_POINTS = 100


def shift_as_json(shift: BatchShift) -> dict[str, object]:
    """All figures, every image of the batch, the least familiar first, and what was left out."""
    report = shift.report
    return {
        "pool": shift.pool,
        "snapshot": shift.snapshot,
        "encoder": shift.encoder,
        "demonstrations": shift.demonstrations,
        "queries": report.queries,
        "domains": [_domain(near) for near in report.domains],
        "test": asdict(report.test),
        "abstain": {
            "accuracy": shift.accuracy,
            "k": shift.k,
            "least_familiarity": report.least_familiarity,
            "rehearsal": "domains" if report.domains_left_out else "halves",
            "threshold": None if report.threshold is None else asdict(report.threshold),
            "answered": report.answered,
            "ranking": report.ranking,
            "curve": [asdict(point) for point in points_at(report.curve, _POINTS)],
        },
        "images": [
            {
                "name": shift.names[place],
                "familiarity": float(report.familiarity[place]),
                "agreement": float(report.agreement[place]),
                "answered": shift.is_answered(place),
            }
            for place in shift.least_familiar()
        ],
        "left_out": [
            {"name": each.name, "reason": each.reason, "code": None if each.error is None else each.error.code}
            for each in shift.left_out
        ],
    }


def _domain(near: Nearness) -> dict[str, object]:
    return {
        "domain": near.domain,
        "share": near.share,
        "similarity": _by_quantile(near.similarity),
        "usual": None if near.own is None else _by_quantile(near.own),
    }


def _by_quantile(values: tuple[float, ...]) -> dict[str, float]:
    return {f"{quantile:g}": value for quantile, value in zip(QUANTILES, values, strict=True)}
