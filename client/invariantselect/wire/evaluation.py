"""Evaluation over the wire: what is asked of it, and the figures that came of it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from invariantselect.wire.base import Answered, Label, Sent
from invariantselect.wire.options import MAX_K, Strategy
from invariantselect.wire.training import DepthName, TrainingOptions

ProtocolName: TypeAlias = Literal["leave-one-domain-out", "target-pool", "k-fold"]
LearnerKind: TypeAlias = Literal["vote", "probe", "lmm"]
ReportFile: TypeAlias = Literal["report.html", "report.json", "answers.csv"]


class ModelAsked(Sent):
    """A large multimodal model that answers, where the server's operator allows it."""

    model: str = Field(min_length=1, max_length=256, description="As the endpoint knows it.", examples=["gpt-4o-mini"])
    question: str = Field(
        default="Which class is shown?", min_length=1, max_length=4096, description="Asked of every image."
    )
    most_requests: int = Field(
        default=10_000, ge=1, le=10**7, description="Budget in requests; answers that are known already are free."
    )


class EvaluateRequest(TrainingOptions):
    """Evaluate selection on a pool. Every field has a default: ``{}`` leaves each domain out and lets demonstrations
    vote."""

    protocol: ProtocolName = Field(default="leave-one-domain-out", description="Who asks whom.")
    shots: list[Annotated[int, Field(ge=0, le=MAX_K)]] = Field(
        default=[0, 1, 3, 5, 7], min_length=1, max_length=32, description="How many demonstrations, each once."
    )
    strategies: list[Strategy] = Field(
        default=["random", "topk_nearest", "invariant_select"],
        min_length=1,
        max_length=3,
        description="Who chooses them, each once.",
    )
    learners: list[LearnerKind] = Field(
        default=["vote"], min_length=1, max_length=3, description="Who answers, each once; `lmm` needs `lmm`."
    )
    lmm: ModelAsked | None = Field(default=None, description="The model that the learner `lmm` asks.")
    depth: DepthName = Field(
        default="closed_form",
        description="How an encoder is adapted to each fold's demonstrations alone, for `invariant_select`.",
    )
    budget_seconds: float = Field(
        default=600.0, gt=0, le=30 * 86400.0, description="How long learning and validation may take in each fold."
    )
    targets: list[Label] | None = Field(
        default=None,
        min_length=1,
        max_length=10_000,
        description="The domains that ask, each in a fold of its own; null for all. Not for `k-fold`.",
    )
    folds: int = Field(default=5, ge=2, le=100, description="How many, for `k-fold`.")
    queries: int | None = Field(
        default=None, ge=1, description="At most so many queries of each fold, drawn by the seed; null for all."
    )
    centre_queries: bool = Field(
        default=False,
        description="Add rows where a fold's unlabelled queries are known together and centred by what they share.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> EvaluateRequest:
        for name in ("shots", "strategies", "learners", "targets"):
            given = getattr(self, name) or []
            if len(set(given)) < len(given):
                raise ValueError(f"{name} has one twice")
        if ("lmm" in self.learners) != (self.lmm is not None):
            raise ValueError("the learner lmm and the field lmm come together")
        if self.targets is not None and self.protocol == "k-fold":
            raise ValueError("k-fold has no targets")
        if self.centre_queries and ("invariant_select" not in self.strategies or not any(self.shots)):
            raise ValueError("centre_queries needs the strategy invariant_select, and shots")
        return self


class Interval(Answered):
    """A figure, and where 95 % of its resamples by group lie."""

    value: float
    low: float
    high: float


class EvaluatedRow(Answered):
    """The answers with one strategy, one number of shots and one learner; docs/evaluation.md defines the figures."""

    strategy: str = Field(description="`none` for zero shots; `invariant_select+centred` for centred queries.")
    shots: int
    learner: str
    queries: int
    unanswered: float = Field(description="Share without an answer that can be read; they count as wrong.")
    accuracy: Interval
    macro_accuracy: Interval = Field(description="Mean recall over the labels.")
    fold_mean: Interval = Field(description="Mean accuracy over the folds, each of the same weight.")
    fold_mean_macro: Interval = Field(description="Mean macro accuracy over the folds.")


class EvaluatedFold(Answered):
    """How many images stood where in a fold."""

    name: str
    demonstrations: int
    queries: int
    left_out: int = Field(description="In neither, because they share a group with a query.")
    unanswerable: int = Field(description="Queries whose label no demonstration of the fold has.")


class EvaluationResult(Answered):
    """What came of an evaluation: the `result` of a job of kind evaluate."""

    protocol: str
    snapshot: int = Field(description="Version of the pool that was evaluated.")
    rows: list[EvaluatedRow]
    folds: list[EvaluatedFold]
    notes: list[str] = Field(description="What a reader must know besides the figures.")
    files: list[ReportFile] = Field(description="Of the report.")
