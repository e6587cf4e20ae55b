"""What a source yields: records to take in, what can't be taken, and what was left aside on purpose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from invariantselect.errors import DemonstrationInvalidError, InvariantSelectError
from invariantselect.wire.base import MetadataValue
from invariantselect.wire.demonstrations import DemonstrationInput

__all__ = ["Ignored", "Item", "KnownVector", "Record", "Rejected", "Source", "checked_record", "readable"]


@dataclass(frozen=True, eq=False)
class KnownVector:
    """A vector that a source brings along, so that its image needn't be encoded again.

    Attributes:
        values: (dim,) float32, unchecked.
        fingerprint: Of the encoder that made it, by the source's word.
    """

    values: Float32[np.ndarray, " dim"]
    fingerprint: str


@dataclass(frozen=True)
class Record:
    """A demonstration to take in, its image not yet read.

    Attributes:
        id: Unique in its source, and what a second intake of the same source recognises it by.
        label: Its class.
        read: Returns the image file's bytes; called once, from any thread. Raises an InvariantSelectError or OSError.
        where: Where it stands, for a person: a path, or a manifest's line.
        domain: Where the image comes from, if known.
        group: Patient or slide, if known.
        metadata: Flat JSON scalars; a source's split is its key ``split``.
        vector: Of the image, where the source has one.
    """

    id: str
    label: str
    read: Callable[[], bytes]
    where: str
    domain: str | None = None
    group: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    vector: KnownVector | None = None


@dataclass(frozen=True)
class Rejected:
    """Something that should be a demonstration and can't be."""

    where: str
    error: InvariantSelectError


@dataclass(frozen=True)
class Ignored:
    """Something that isn't a demonstration and was left aside: a README, a column of lists."""

    where: str
    reason: str


Item: TypeAlias = Record | Rejected | Ignored


class Source(ABC):
    """A finite collection of labelled images. Iterating again reads it again, in the same order."""

    @property
    @abstractmethod
    def total(self) -> int | None:
        """How many records and rejections iterating yields, None where only reading everything would tell."""

    @abstractmethod
    def __iter__(self) -> Iterator[Item]:
        """Records, rejections and things ignored, in a stable order, without reading any image."""


def checked_record(
    where: str,
    read: Callable[[], bytes],
    *,
    id: str | None,
    label: str | None,
    domain: str | None = None,
    group: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    vector: KnownVector | None = None,
) -> Record | Rejected:
    """A record whose fields are valid, or a rejection that names each field which isn't.

    The rules are those of the wire type, so that what one door takes the other takes too.
    """
    fields = {"id": id, "label": label, "domain": domain, "group": group, "metadata": dict(metadata or {})}
    try:
        valid = DemonstrationInput.model_validate({**fields, "image": ""})  # the image itself is looked at later
    except ValidationError as error:
        return Rejected(where, DemonstrationInvalidError(_sentence(error)))
    return Record(valid.id, valid.label, read, where, valid.domain, valid.group, valid.metadata, vector)


def readable(name: str) -> str:
    """A file's name as it can be printed anywhere: bytes that are no UTF-8 and control characters are escaped."""
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _sentence(error: ValidationError) -> str:
    reasons = []
    for problem in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"][:2])
        given = problem["input"]
        reasons.append(f"{place} is missing" if given is None else f"{place}: {problem['msg']}")
    return readable("; ".join(dict.fromkeys(reasons))) + "."
