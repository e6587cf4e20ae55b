"""Metadata as text in the catalog and as mappings in memory."""

from __future__ import annotations

import json
import math
from sys import intern

from index.demonstration import Metadata
from invariantselect.errors import DemonstrationInvalidError

__all__ = ["MetadataReader", "comparable_text", "metadata_text"]

_NONE: Metadata = {}
_REMEMBERED = 65_536


def metadata_text(metadata: Metadata) -> str:
    """Canonical JSON: equal metadata gives equal text.

    Raises:
        DemonstrationInvalidError: A key is not a string, or a value is not a JSON scalar.
    """
    for key, value in metadata.items():
        if not isinstance(key, str) or not (value is None or isinstance(value, str | int | float | bool)):
            raise DemonstrationInvalidError(f"metadata {key!r} is not a string, number, boolean or null")
        if isinstance(value, float) and not math.isfinite(value):
            raise DemonstrationInvalidError(f"metadata {key!r} is not a finite number")
    return json.dumps(dict(metadata), sort_keys=True, separators=(",", ":"))


def comparable_text(value: str | int | float | bool | None) -> str | None:
    """A JSON scalar as text that is equal where the values are: 1 is 1.0, but neither true nor "1"; None for null."""
    if value is None:
        return None
    if isinstance(value, str):
        return f'"{value}'
    if isinstance(value, float) and not isinstance(value, bool):
        value = int(value) if value.is_integer() else value
    return repr(value)


class MetadataReader:
    """Parses the metadata of many demonstrations; equal texts share one mapping, and keys are shared by all."""

    def __init__(self) -> None:
        self._known: dict[str, Metadata] = {"{}": _NONE}

    def __call__(self, text: str) -> Metadata:
        """The mapping that a text of `metadata_text` stands for."""
        known = self._known.get(text)
        if known is None:
            known = {intern(key): value for key, value in json.loads(text).items()}
            if len(self._known) < _REMEMBERED:
                self._known[text] = known
        return known
