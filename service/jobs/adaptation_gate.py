"""Whether a new encoder version may serve: only one that validation finds no worse than what is searched now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from index.encoder_version import EncoderVersion

__all__ = ["Decision", "decide"]


@dataclass(frozen=True)
class Decision:
    """What is done with a candidate.

    Attributes:
        admitted: Whether it serves.
        reason: What speaks against it; None where nothing does.
    """

    admitted: bool
    reason: str | None


def decide(metrics: Mapping[str, Any], serving: EncoderVersion | None, *, force: bool) -> Decision:
    """Compare a candidate with the frozen encoder and with the version that serves.

    A version is known by the scores that it and the frozen encoder had when it was validated. Since then the pool may
    have become easier or harder for both, so the one that serves is only better where it is so in its score *and* in
    what it gained over the frozen encoder. On the same demonstrations the two say the same. As among the contestants of
    one adaptation, each has its credit beside its score there; the frozen encoder must be beaten by the score alone.

    Args:
        metrics: Of the candidate's lineage.
        serving: The adapted version that serves, if there is one; its lineage may say nothing of scores.
        force: Whether it serves whatever speaks against it.
    """
    reason = _against(metrics, serving)
    return Decision(force or reason is None, reason)


def _against(metrics: Mapping[str, Any], serving: EncoderVersion | None) -> str | None:
    score, frozen = float(metrics["score"]), float(metrics["frozen_score"])
    if score <= frozen:
        return f"it scores {score:.4f} on the domains held out, no more than the frozen encoder's {frozen:.4f}"
    before = {} if serving is None else serving.lineage.get("metrics", {})
    if serving is None or "score" not in before or "frozen_score" not in before:
        return None
    credit, credit_before = _credits(metrics, before)
    gain, gain_before = score - frozen, before["score"] - before["frozen_score"]
    if score + credit < before["score"] + credit_before and gain + credit < gain_before + credit_before:
        return (
            f"it scores {score:.4f}{_told(credit)} on the domains held out, {gain:.4f} more than the frozen encoder; "
            f"version {serving.number}, which serves, scored {before['score']:.4f}{_told(credit_before)}, "
            f"{gain_before:.4f} more"
        )
    return None


def _credits(metrics: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[float, float]:
    """Of both; none of either where nobody knows that of one: they are compared by what is known of both."""
    credit, credit_before = _credit(metrics), _credit(before)
    return (0.0, 0.0) if credit is None or credit_before is None else (credit, credit_before)


def _credit(metrics: Mapping[str, Any]) -> float | None:
    if "credit" in metrics:
        return float(metrics["credit"])
    # Lineages of an earlier release have it only where the winner stands among the contestants.
    report = metrics.get("report", {})
    found = (each.get("credit") for each in report.get("contestants", ()) if each["name"] == report.get("winner"))
    return next(found, None)


def _told(credit: float) -> str:
    return f" and {credit:.2f} of credit" if credit else ""
