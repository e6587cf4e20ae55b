"""Texts that are a name and nothing else, looked up from the strictest comparison to the most tolerant."""

from __future__ import annotations

from collections.abc import Iterable

from invariantselect.prompts.wording import normalised
from invariantselect.reading.folding import bare, folded

__all__ = ["Names"]

_STRICT_TO_TOLERANT = (normalised, folded, bare)


class Names:
    """Labels by name. A comparison is only as tolerant as it must be: ``Dog`` and ``dog`` may both be labels.

    Args:
        names: Pairs of a name and the label it stands for; a label may have several names.
    """

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._levels: list[dict[str, set[str]]] = [{} for _ in _STRICT_TO_TOLERANT]
        for name, label in names:
            for level, key_of in zip(self._levels, _STRICT_TO_TOLERANT, strict=True):
                level.setdefault(key_of(name), set()).add(label)

    def find(self, text: str) -> set[str]:
        """The labels that the whole text names: none, one, or several that only a stricter text could tell apart."""
        for level, key_of in zip(self._levels, _STRICT_TO_TOLERANT, strict=True):
            key = key_of(text)
            if key and key in level:
                return level[key]
        return set()
