"""The marks of enumerated choices (``B``, ``(2)``) where a text uses one as an answer."""

from __future__ import annotations

import re
import unicodedata

from invariantselect.prompts.wording import Choices
from invariantselect.reading.mentions import Mention

__all__ = ["Marks"]

_BEFORE = r"[ \t*_`'\"(\[]*"
_AFTER = r"(?=[ \t*_`'\")\].,:;!]*$|[*_`'\"]*(?:[)\].,:;!]|\s+(?:because|since)\b))"


class Marks:
    """Finds marks. A bare letter inside a sentence (``A dog``) is no mark: something has to show that it is one.

    Args:
        choices: Enumerated, or there is nothing to find.
    """

    def __init__(self, choices: Choices) -> None:
        self._labels = dict(zip((mark.casefold() for mark in choices.marks), choices.labels, strict=False))
        if not choices.marks:
            return
        mark = f"(?P<mark>{'|'.join(sorted(choices.marks, key=len, reverse=True))})"
        self._alone = re.compile(rf"[\s*_`'\"(\[]*{mark}[\s*_`'\")\].,:;!]*", re.IGNORECASE)
        lead = r"\b(?i:answer|option|choice|letter|number)\b(?i:\s+is)?"
        self._used = [
            re.compile(rf"^{_BEFORE}{mark}[*_`]*[).:\]]", re.MULTILINE),
            re.compile(rf"\({mark}\)"),
            re.compile(rf"{lead}[ \t:*_`'\"(\[]*{mark}{_AFTER}", re.MULTILINE),
        ]

    def alone(self, text: str) -> str | None:
        """The label whose mark is the whole text, in either case."""
        if not self._labels:
            return None
        found = self._alone.fullmatch(unicodedata.normalize("NFKC", text))
        return self._labels[found["mark"].casefold()] if found else None

    def find(self, text: str) -> list[Mention]:
        """Where a longer text uses marks: ``B. …`` at a line's start, ``(B)``, ``the answer is B``.

        Args:
            text: With its case: ``A`` may be a mark where ``a`` is an article.
        """
        if not self._labels:
            return []
        return [
            Mention(self._labels[found["mark"].casefold()], found.start(), found.end())
            for pattern in self._used
            for found in pattern.finditer(text)
        ]
