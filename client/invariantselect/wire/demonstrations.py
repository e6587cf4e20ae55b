"""Demonstrations over the wire."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from invariantselect.wire.base import Answered, Identifier, Label, MetadataValue, Sent

MAX_BATCH = 1000

OutcomeStatus: TypeAlias = Literal["created", "replaced", "updated", "unchanged", "deleted", "failed"]
"""`replaced` got a new image, `updated` kept its image and got new words."""


class DemonstrationInput(Sent):
    """A demonstration to insert or replace, its image inlined."""

    id: Identifier = Field(examples=["photo/dog/056_0001.jpg"])
    image: str = Field(description="Data URI (data:image/png;base64,…) or bare base64.")
    label: Label = Field(examples=["dog"])
    domain: Label | None = Field(default=None, examples=["photo"])
    group: Label | None = Field(default=None, description="Patient or slide.", examples=["patient-17"])
    metadata: dict[str, MetadataValue] = Field(default_factory=dict, max_length=64, examples=[{"age": 54}])


class UpsertRequest(Sent):
    """Demonstrations to insert or replace in one call."""

    demonstrations: list[DemonstrationInput] = Field(min_length=1, max_length=MAX_BATCH)


class Demonstration(Answered):
    """A stored demonstration. `image_url` is a path on the server that holds it."""

    id: str
    label: str
    domain: str | None = None
    group: str | None = None
    metadata: dict[str, MetadataValue] = Field(default_factory=dict)
    image_url: str
    image_sha256: str
    media_type: str
    width: int
    height: int


class DemonstrationPage(Answered):
    """One page of demonstrations by id; `next_cursor` is absent on the last."""

    demonstrations: list[Demonstration]
    next_cursor: str | None = None


class DemonstrationPatch(Sent):
    """New values for a stored demonstration; a field left out stays as it is, null clears domain or group."""

    label: Label | None = None
    domain: Label | None = None
    group: Label | None = None
    metadata: dict[str, MetadataValue] | None = Field(default=None, max_length=64)

    @model_validator(mode="after")
    def _something_to_change(self) -> DemonstrationPatch:
        if not self.model_fields_set:
            raise ValueError("name at least one of label, domain, group, metadata")
        for name in ("label", "metadata"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} can't be cleared")
        return self


class RelabelRequest(Sent):
    """New labels by demonstration id."""

    labels: dict[Identifier, Label] = Field(min_length=1, max_length=MAX_BATCH, examples=[{"photo/dog/1.jpg": "wolf"}])


class GetRequest(Sent):
    """Demonstrations to fetch in one call."""

    ids: list[Identifier] = Field(min_length=1, max_length=MAX_BATCH)


class DemonstrationList(Answered):
    """Demonstrations fetched by id, in the order asked for; `missing` names the ids that the pool doesn't have."""

    demonstrations: list[Demonstration]
    missing: list[str] = Field(default_factory=list)


class DeleteRequest(Sent):
    """Demonstrations to delete in one call."""

    ids: list[Identifier] = Field(min_length=1, max_length=MAX_BATCH)


class Outcome(Answered):
    """What became of one demonstration of a batch; a failed one says why and leaves the others alone."""

    id: str
    status: OutcomeStatus
    error: dict[str, object] | None = Field(default=None, description="The problem document when status is failed.")


class BatchOutcome(Answered):
    """What became of a batch: one outcome for each demonstration, in the order they were sent."""

    outcomes: list[Outcome]
    snapshot: int
    failed: int
