"""What a selection is made for."""

from __future__ import annotations

from pydantic import Field, model_validator

from invariantselect.wire.base import Identifier, Label, Sent


class Query(Sent):
    """A query: exactly one of an image, the id of a stored demonstration, or a vector with its fingerprint.

    `group` and `domain` describe an image or a vector that isn't stored; a stored demonstration brings its own.
    """

    image: str | None = Field(default=None, description="Data URI or bare base64.")
    id: Identifier | None = Field(default=None, description="Id of a demonstration stored in this pool.")
    vector: list[float] | None = Field(default=None, min_length=1, max_length=8192)
    fingerprint: str | None = Field(default=None, description="Of the encoder that made `vector`; needed with it.")
    group: Label | None = None
    domain: Label | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Query:
        given = [name for name in ("image", "id", "vector") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of image, id and vector, not {' and '.join(given) or 'none'}")
        if (self.vector is None) != (self.fingerprint is None):
            raise ValueError("vector and fingerprint go together")
        return self
