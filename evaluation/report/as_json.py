"""The figures of a report as JSON values; docs/evaluation.md lists the keys."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

from evaluation.figures import Figures, Row
from evaluation.report.about import About
from evaluation.report.contents import Difference
from evaluation.report.gallery import Gallery
from evaluation.report.headline import Finding
from evaluation.report.pool_map import PoolMap
from evaluation.report.whole import Report
from evaluation.statistics.bootstrap import Estimate
from evaluation.statistics.calibration import Bin

__all__ = ["FORMAT", "report_values"]

FORMAT = "invariantselect evaluation report 1"


def report_values(report: Report) -> dict[str, Any]:
    """Every figure of the page; what has no value is None."""
    headline, contents = report.headline, report.contents
    return {
        "format": FORMAT,
        "about": _about(report.about),
        "headline": {"title": headline.title, "findings": [_finding(each) for each in headline.findings]},
        "caveats": list(report.caveats),
        "queries": contents.queries,
        "units": contents.units,
        "rows": [{**row._asdict(), **_figures(figures)} for row, figures in contents.rows.items()],
        "differences": [_difference(each) for each in contents.differences],
        "barred": {
            reason: {"demonstrations": count.demonstrations, "queries": count.queries}
            for reason, count in contents.barred.items()
        },
        "gallery": None if report.gallery is None else _gallery(report.gallery),
        "maps": [_map(each) for each in report.maps],
    }


def _about(about: About) -> dict[str, Any]:
    return {
        "pool": about.pool,
        "snapshot": about.snapshot,
        "encoder": about.encoder,
        "adaptation": about.adaptation,
        "protocol": about.protocol,
        "seed": about.seed,
        "created_at": about.created_at.isoformat(),
        "code_version": about.code_version,
        "folds": [vars(fold) for fold in about.folds],
        "notes": list(about.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": finding.verdict.value,
        "main": _difference(finding.main),
        "others": [_difference(each) for each in finding.others],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "queries": figures.queries,
        "unanswered": figures.unanswered,
        "accuracy": _estimate(figures.accuracy),
        "macro_accuracy": _estimate(figures.macro_accuracy),
        "fold_mean": _estimate(figures.fold_mean),
        "fold_mean_macro": _estimate(figures.fold_mean_macro),
        "folds": {
            name: {
                "queries": fold.queries,
                "accuracy": _estimate(fold.accuracy),
                "macro_accuracy": _estimate(fold.macro_accuracy),
            }
            for name, fold in figures.by_fold.items()
        },
        "recall": figures.recall,
        "classes": list(figures.classes),
        "confusion": figures.confusion.tolist(),
        "precision": figures.precision,
        "cross_domain": figures.cross_domain,
        "label_entropy": figures.entropy,
        "calibration_error": _there(figures.calibration_error),
        "brier": _there(figures.brier),
        "calibration": [_bin(each) for each in figures.calibration],
        "barred": figures.barred,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    found = difference.found
    return {
        "one": _row(difference.one),
        "other": _row(difference.other),
        "queries": found.queries,
        "accuracy": _estimate(found.accuracy),
        "macro_accuracy": _estimate(found.macro_accuracy),
        "fold_mean": _estimate(found.fold_mean),
        "mcnemar": vars(found.test),
        "differing_units": found.units,
    }


def _row(row: Row) -> dict[str, Any]:
    return row._asdict()


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _bin(each: Bin) -> dict[str, Any]:
    return {
        "low": each.low,
        "high": each.high,
        "count": each.count,
        "confidence": _there(each.confidence),
        "accuracy": _there(each.accuracy),
    }


def _gallery(gallery: Gallery) -> dict[str, Any]:
    return {
        "one": _row(gallery.one),
        "other": _row(gallery.other),
        "only_one": gallery.only_one,
        "only_other": gallery.only_other,
        "shown": [{"fold": each.one.fold, "query": each.one.query} for each in gallery.shown],
    }


def _map(places: PoolMap) -> dict[str, Any]:
    return {
        "fold": places.fold,
        "method": places.method,
        "images": places.images,
        "ids": list(places.ids),
        "labels": list(places.labels),
        "domains": list(places.domains),
        "asking": places.asking.tolist(),
        "before": [_place(each) for each in places.before.tolist()],
        "after": None if places.after is None else [_place(each) for each in places.after.tolist()],
    }


def _place(place: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in place]


def _there(value: float) -> float | None:
    return None if isnan(value) else value
