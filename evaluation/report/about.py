"""What a report can't work out from the answers: what was evaluated, how, and what its reader must know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["About", "FoldSize"]


@dataclass(frozen=True)
class FoldSize:
    """How many images stood where in a fold.

    Attributes:
        name: Of the fold.
        demonstrations: In its pool.
        queries: That asked.
        left_out: In neither, because they share a group with a query.
        unanswerable: Queries whose label no demonstration of the fold has.
    """

    name: str
    demonstrations: int
    queries: int
    left_out: int
    unanswerable: int


@dataclass(frozen=True)
class About:
    """What was evaluated.

    Attributes:
        pool: Its name.
        snapshot: Its version in SQL.
        encoder: The frozen encoder.
        adaptation: How it was adapted, in words, as ``closed_form, adapted to each fold alone``; None where it wasn't.
        protocol: Who asked whom.
        seed: Of all that was drawn, and of the resamples.
        created_at: When the report was made; with a time zone.
        code_version: Of this software.
        folds: How large each fold was, in their order.
        notes: Anything else that a reader must know, a sentence each: what a model cost, that queries were sampled.
    """

    pool: str
    snapshot: int
    encoder: str
    adaptation: str | None
    protocol: str
    seed: int
    created_at: datetime
    code_version: str
    folds: tuple[FoldSize, ...]
    notes: tuple[str, ...] = ()
