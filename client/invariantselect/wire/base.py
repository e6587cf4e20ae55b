"""The two ways a wire type reads JSON: what a client sends is checked strictly, what a server answers may grow."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

MetadataValue: TypeAlias = str | int | float | bool | None
"""A metadata value is a JSON scalar; metadata is flat."""

_NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]+$"

PoolName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit: a pool's name is part of its URL."""

Identifier: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=_NO_CONTROL_CHARACTERS)]
"""A demonstration's id: 1 to 512 characters without control characters; slashes are fine."""

Label: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_NO_CONTROL_CHARACTERS)]
"""A label, domain or group: 1 to 256 characters without control characters."""


class Sent(BaseModel):
    """What a client sends: an unknown field is an error, so that a typo never passes for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Answered(BaseModel):
    """What a server answers: unknown fields are let through, so that an old client reads a newer server."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
