"""Selections over the wire: the request, and the k demonstrations it is answered with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from invariantselect.wire.base import Answered, MetadataValue
from invariantselect.wire.options import SelectionOptions
from invariantselect.wire.queries import Query


class SelectRequest(SelectionOptions):
    """One query and how to choose for it."""

    query: Query


class SelectBatchRequest(SelectionOptions):
    """Several queries that share their options."""

    queries: Annotated[list[Query], Field(min_length=1, max_length=256)]


class Selected(Answered):
    """One chosen demonstration. `rank` 1 is the most similar of the chosen; the list's own order is the prompt's."""

    id: str
    label: str
    domain: str | None = None
    group: str | None = None
    score: float = Field(description="Cosine similarity to the query.")
    rank: int
    image_url: str
    media_type: str
    metadata: dict[str, MetadataValue] = Field(default_factory=dict)


class Timings(Answered):
    """Milliseconds that each stage took; 0 for a stage that a query by id or vector skips."""

    decode_ms: float = 0.0
    encode_ms: float = 0.0
    search_ms: float = 0.0
    select_ms: float = 0.0


class Selection(Answered):
    """The answer: demonstrations in prompt order."""

    pool: str
    snapshot: int
    encoder: str
    fingerprint: str
    strategy: str
    k: int
    shortfall: int = Field(description="k minus the number of demonstrations; never made up by padding.")
    demonstrations: list[Selected]
    timings: Timings = Timings()


class SelectionFailure(Answered):
    """A query of a batch that got no selection, and why."""

    error: dict[str, object] = Field(description="The problem document.")


class SelectBatchResponse(Answered):
    """One selection or failure for each query, in the order they were sent."""

    selections: list[Selection | SelectionFailure]
    failed: int
