"""Adaptation over the wire: what is asked of it, what came of it, and going back."""

from __future__ import annotations

from pydantic import Field

from invariantselect.wire.base import Answered, Sent
from invariantselect.wire.pools import EncoderVersionInfo
from invariantselect.wire.training import DepthName, TrainingOptions

__all__ = [
    "AdaptRequest",
    "AdaptationResult",
    "Contestant",
    "ContestantFigures",
    "DepthName",
    "EncoderVersionList",
    "EncoderVersionNumber",
    "RollbackRequest",
]


class AdaptRequest(TrainingOptions):
    """Adapt a pool's encoder to the pool. Every field has a default: ``{}`` lets everything compete for ten minutes."""

    depth: DepthName = Field(
        default="auto",
        description="`closed_form` (seconds), `head` (about a minute), `finetune` (minutes to hours), or `auto`: all "
        "that the budget allows compete.",
    )
    budget_seconds: float = Field(
        default=600.0,
        gt=0,
        le=30 * 86400.0,
        description="How long learning and validation may take. Closed form and head take what they need, fine-tuning "
        "what is left; encoding the pool comes on top.",
    )
    force: bool = Field(
        default=False, description="Let the new version serve even where validation finds it no better."
    )


class ContestantFigures(Answered):
    """How well held-out images are answered by the 7 nearest of the others, each figure from 0 to 1."""

    accuracy: float
    macro_accuracy: float = Field(description="Mean recall over the labels.")
    precision: float = Field(description="Share of neighbours that have the query's label.")
    score: float = Field(description="Mean of the three, by which, with the credit, contestants are compared.")


class Contestant(ContestantFigures):
    """A space that took part in the validation: means over the domains that were held out in turn."""

    name: str = Field(description="Its depth, and whether a closed form follows.")
    depth: str
    centred: ContestantFigures | None = Field(
        default=None, description="The same where queries are centred by their own mean, as `centre_queries` does."
    )
    credit: float = Field(
        default=0.0,
        description="Added to the score to compare: fine-tuning rehearses in a quarter of the steps.",
    )
    seconds: float = Field(description="What its validation took.")


class AdaptationResult(Answered):
    """What came of an adaptation: the `result` of a job of kind adapt."""

    switched: bool = Field(description="Whether the new version serves, or did when the job ended.")
    version: int | None = Field(default=None, description="Number of the new version; null where there is none.")
    reason: str | None = Field(default=None, description="Why it doesn't serve, or what `force` overruled.")
    winner: str
    score: float = Field(description="Of the winner, on the domains held out.")
    frozen_score: float = Field(description="Of the encoder that the pool was made with, on the same.")
    snapshot: int = Field(description="Version of the pool whose demonstrations it learnt from.")
    contestants: list[Contestant]
    left_out: dict[str, str] = Field(
        default_factory=dict, description="Depths that `auto` would have tried, and why it didn't, by depth."
    )


class RollbackRequest(Sent):
    """Let an earlier encoder version serve again."""

    to: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="Number of the version; 1 for the encoder that the pool was made with. Null for the newest one "
        "before the serving one that served.",
    )


class EncoderVersionNumber(Sent):
    """Names an encoder version of a pool."""

    version: int = Field(ge=1, le=2**31 - 1, description="Number of the version.")


class EncoderVersionList(Answered):
    """A pool's encoder versions, by number, each with its whole lineage: how it was validated included."""

    versions: list[EncoderVersionInfo]
    serving_version: int | None = Field(
        default=None, description="Number of the adapted version that `invariant_select` searches; null for none."
    )
