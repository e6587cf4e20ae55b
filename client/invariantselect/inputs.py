"""What the methods of the SDK take that isn't a wire type: images in any form, and keywords instead of bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypedDict

from pydantic import JsonValue

from invariantselect.image_inputs import ImageInput
from invariantselect.wire.base import MetadataValue
from invariantselect.wire.demonstrations import DemonstrationInput
from invariantselect.wire.options import Diversity, Exclusions, LabelBalance, Order, Strategy
from invariantselect.wire.queries import Query

__all__ = [
    "ComparisonKeywords",
    "DemonstrationChanges",
    "ImageQuery",
    "NewDemonstration",
    "QueryInput",
    "SelectionKeywords",
    "Upsertable",
]


@dataclass(frozen=True)
class NewDemonstration:
    """A demonstration to insert or replace. The image is read only when its batch is sent.

    Attributes:
        id: 1 to 512 characters; the same id again replaces the demonstration.
        image: A path, bytes, an open file, a Pillow image or a data URI.
        label: What the image shows.
        domain: Where the image comes from: a scanner, a hospital, a style.
        group: Patient or slide.
        metadata: Anything else, flat, to filter by.
    """

    id: str
    image: ImageInput = field(repr=False)
    label: str
    domain: str | None = None
    group: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageQuery:
    """A query image whose group or domain is known, for options that look at them (``Exclusions(own_group=True)``)."""

    image: ImageInput = field(repr=False)
    group: str | None = None
    domain: str | None = None


Upsertable: TypeAlias = NewDemonstration | DemonstrationInput

QueryInput: TypeAlias = "ImageInput | ImageQuery | Query"
"""What to select for: an image, an `ImageQuery`, or a `Query` by stored id or by vector."""


class ComparisonKeywords(TypedDict, total=False):
    """The options that the strategies of a comparison share; see `SelectionKeywords`."""

    k: int
    where: dict[str, JsonValue]
    label_balance: LabelBalance
    max_per_group: int | None
    max_per_domain: int | None
    diversity: Diversity | None
    order: Order
    exclude: Exclusions
    seed: int


class SelectionKeywords(ComparisonKeywords, total=False):
    """The options of a selection as keywords. Meaning and defaults: `invariantselect.SelectionOptions`."""

    strategy: Strategy


class DemonstrationChanges(TypedDict, total=False):
    """What to change of a stored demonstration; what is left out stays, None clears domain or group."""

    label: str
    domain: str | None
    group: str | None
    metadata: dict[str, MetadataValue]
