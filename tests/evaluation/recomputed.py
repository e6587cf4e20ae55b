"""The figures of a report worked out again from its table of answers, with csv and NumPy and nothing of ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

__all__ = ["recomputed"]

Key = tuple[str, int, str]


def recomputed(table: Path) -> dict[Key, dict[str, object]]:
    """Figures by strategy, shots and learner."""
    with table.open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    keys = dict.fromkeys((a["strategy"], int(a["shots"]), a["learner"]) for a in answers)
    return {
        key: _of([a for a in answers if (a["strategy"], int(a["shots"]), a["learner"]) == key], key[1]) for key in keys
    }


def _of(answers: list[dict[str, str]], shots: int) -> dict[str, object]:
    folds = sorted({a["fold"] for a in answers})
    by_fold = [[a for a in answers if a["fold"] == fold] for fold in folds]
    shown = [json.loads(a["labels"]) for a in answers]
    known = [
        [domain != a["domain"] for domain in json.loads(a["domains"]) if domain is not None]
        for a in answers
        if a["domain"]
    ]
    shares = [np.mean(each) for each in known if each]
    return {
        "queries": len(answers),
        "unanswered": np.mean([a["answer"] == "" for a in answers]),
        "accuracy": _accuracy(answers),
        "macro_accuracy": _macro(answers),
        "fold_mean": np.mean([_accuracy(part) for part in by_fold]),
        "fold_mean_macro": np.mean([_macro(part) for part in by_fold]),
        "folds": {fold: (_accuracy(part), _macro(part)) for fold, part in zip(folds, by_fold, strict=True)},
        "recall": {label: _accuracy([a for a in answers if a["truth"] == label]) for label in _labels(answers)},
        "precision": np.mean([labels.count(a["truth"]) / shots for labels, a in zip(shown, answers, strict=True)])
        if shots
        else None,
        "cross_domain": np.mean(shares) if shares else None,
        "label_entropy": np.mean([_entropy(labels) for labels in shown if labels]) if any(shown) else None,
        "barred": {
            reason: np.mean([int(a[f"barred_{reason}"]) for a in answers])
            for reason in ("group", "content", "near_duplicate")
        },
        **_confidence(answers),
    }


def _accuracy(answers: list[dict[str, str]]) -> float:
    return float(np.mean([a["answer"] == a["truth"] for a in answers]))


def _macro(answers: list[dict[str, str]]) -> float:
    return float(np.mean([_accuracy([a for a in answers if a["truth"] == label]) for label in _labels(answers)]))


def _labels(answers: list[dict[str, str]]) -> list[str]:
    return sorted({a["truth"] for a in answers})


def _entropy(labels: list[str]) -> float:
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _confidence(answers: list[dict[str, str]]) -> dict[str, float | None]:
    given = [a for a in answers if a["answer"]]
    if not given:
        return {"brier": None, "calibration_error": None}
    confidence = np.array([float(a["confidence"]) for a in given])
    right = np.array([a["answer"] == a["truth"] for a in given])
    bins = np.minimum((confidence * 10).astype(int), 9)
    error = sum(
        (bins == number).sum() / len(given) * abs(right[bins == number].mean() - confidence[bins == number].mean())
        for number in np.unique(bins)
    )
    return {"brier": float(((confidence - right) ** 2).mean()), "calibration_error": float(error)}
