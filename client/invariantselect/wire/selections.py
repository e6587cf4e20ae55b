"""Selections over the wire: the request, and the k demonstrations it is answered with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from invariantselect.wire.base import Answered, MetadataValue
from invariantselect.wire.options import LEAST_CENTRED, CentreQueries, ComparableOptions, SelectionOptions
from invariantselect.wire.queries import Query


class SelectRequest(ComparableOptions):
    """One query and how to choose for it. It is answered by a selection; with `strategies`, by a comparison."""

    query: Query


class SelectBatchRequest(SelectionOptions):
    """Several queries that share their options."""

    queries: Annotated[list[Query], Field(min_length=1, max_length=256)]
    centre_queries: CentreQueries = Field(
        default="never",
        description=(
            "`by_domain`: a query image whose `domain` the adapted encoder doesn't know is centred by the mean of this "
            f"batch's different images of that domain, if there are at least {LEAST_CENTRED}. Only for "
            "`invariant_select`. The answers then depend on what else is in the batch."
        ),
    )

    @model_validator(mode="after")
    def _centring_is_part_of_an_adapted_encoder(self) -> SelectBatchRequest:
        if self.centre_queries != "never" and self.strategy != "invariant_select":
            raise ValueError("centre_queries goes with the strategy invariant_select")
        return self


class Selected(Answered):
    """One chosen demonstration. `rank` 1 is the most similar of the chosen; the list's own order is the prompt's."""

    id: str
    label: str
    domain: str | None = None
    group: str | None = None
    score: float = Field(description="Cosine similarity to the query, in the space of the selection's encoder version.")
    rank: int
    image_url: str
    media_type: str
    image_sha256: str | None = Field(
        default=None,
        description="SHA-256 of the image that was chosen, 64 hexadecimal digits: an image fetched later that has "
        "another was put in its place since. Null from a server that doesn't tell yet.",
    )
    metadata: dict[str, MetadataValue] = Field(default_factory=dict)


class Timings(Answered):
    """Milliseconds that each stage took; 0 for a stage that a query by id or vector skips.

    What the strategies of a comparison shared counts in full for each of them.
    """

    decode_ms: float = 0.0
    encode_ms: float = 0.0
    search_ms: float = 0.0
    select_ms: float = 0.0


class Selection(Answered):
    """The answer: demonstrations in prompt order."""

    pool: str
    snapshot: int
    encoder: str = Field(description="In whose space was searched.")
    encoder_version: int = Field(
        default=1, description="Its number in this pool: 1 is the encoder that the pool was made with."
    )
    fingerprint: str = Field(description="Of that encoder.")
    strategy: str
    k: int
    shortfall: int = Field(description="k minus the number of demonstrations; never made up by padding.")
    demonstrations: list[Selected]
    timings: Timings = Timings()
    centred_by: int | None = Field(
        default=None,
        description="By how many images of the batch this query was centred (`centre_queries`); null where it wasn't.",
    )
    stale: bool = Field(
        default=False,
        description="Whether the catalog didn't answer: then this is chosen from the last snapshot that the server had "
        "loaded, which may lack what was written since.",
    )


class Comparison(Answered):
    """One query answered by several strategies: decoded once, and encoded once where their encoders share a trunk."""

    pool: str
    selections: dict[str, Selection] = Field(description="By strategy, in the order in which they were asked for.")


class SelectionFailure(Answered):
    """A query of a batch that got no selection, and why."""

    error: dict[str, object] = Field(description="The problem document.")


class SelectBatchResponse(Answered):
    """One selection or failure for each query, in the order they were sent."""

    selections: list[Selection | SelectionFailure]
    failed: int
