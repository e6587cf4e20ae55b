"""The formulas of the docstrings over enumerated pairs, in Python's own float64: slow and plain."""

from __future__ import annotations

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def unit(row: Sequence[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in row))
    return [x / length for x in row] if length else list(row)


def similarities(rows: Rows, temperature: float) -> list[list[float]]:
    units = [unit(row) for row in rows]
    return [[math.fsum(a * b for a, b in zip(x, y, strict=True)) / temperature for y in units] for x in units]


def log_sum_exp(values: Sequence[float]) -> float:
    largest = max(values)
    return largest + math.log(math.fsum(math.exp(value - largest) for value in values))


def positives_of(i: int, labels: Sequence[int], domains: Sequence[int], rule: str) -> list[int]:
    same = [j for j in range(len(labels)) if j != i and labels[j] == labels[i]]
    if rule == "same_class":
        return same
    return [j for j in same if domains[i] != -1 and domains[j] != -1 and domains[j] != domains[i]]


def cci(rows: Rows, labels: Sequence[int], domains: Sequence[int], temperature: float, rule: str) -> float:
    s, losses = similarities(rows, temperature), []
    for i in range(len(rows)):
        if positives := positives_of(i, labels, domains, rule):
            everyone = log_sum_exp([s[i][k] for k in range(len(rows)) if k != i])
            losses.append(everyone - log_sum_exp([s[i][j] for j in positives]))
    return math.fsum(losses) / len(losses) if losses else 0.0


def supcon(rows: Rows, labels: Sequence[int], domains: Sequence[int], temperature: float, rule: str) -> float:
    s, losses = similarities(rows, temperature), []
    for i in range(len(rows)):
        if positives := positives_of(i, labels, domains, rule):
            everyone = log_sum_exp([s[i][k] for k in range(len(rows)) if k != i])
            losses.append(-math.fsum(s[i][p] - everyone for p in positives) / len(positives))
    return math.fsum(losses) / len(losses) if losses else 0.0


def dcl(rows: Rows, labels: Sequence[int], domains: Sequence[int], temperature: float, rule: str) -> float:
    s, losses = similarities(rows, temperature), []
    for i in range(len(rows)):
        positives = positives_of(i, labels, domains, rule)
        negatives = [k for k in range(len(rows)) if labels[k] != labels[i]]
        if positives and negatives:
            pulled = math.fsum(s[i][p] for p in positives) / len(positives)
            losses.append(log_sum_exp([s[i][k] for k in negatives]) - pulled)
    return math.fsum(losses) / len(losses) if losses else 0.0


def cross_entropy(
    rows: Rows, labels: Sequence[int], directions: Rows, temperature: float, label_smoothing: float
) -> float:
    losses = []
    for row, label in zip(rows, labels, strict=True):
        logits = [
            math.fsum(a * b for a, b in zip(unit(row), unit(direction), strict=True)) / temperature
            for direction in directions
        ]
        log_p = [logit - log_sum_exp(logits) for logit in logits]
        losses.append(-(1 - label_smoothing) * log_p[label] - label_smoothing * math.fsum(log_p) / len(log_p))
    return math.fsum(losses) / len(losses) if losses else 0.0
