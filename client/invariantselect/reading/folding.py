"""Texts made comparable: compatibility forms unified, then case, then the punctuation that models wrap answers in."""

from __future__ import annotations

import re
import unicodedata

from invariantselect.prompts.wording import normalised

__all__ = ["APOSTROPHES", "bare", "folded"]

APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})
_WRAPPING = " *_`~'\"“”„«»‹›()[]{}<>.,;:!?…。、•"
_LINE_MARKER = re.compile(r"^\s*(?:[-+•]\s+|#+\s+|>\s*)+")


def folded(text: str) -> str:
    """Text for comparing without regard to case, line by line: NFKC and full case folding (Unicode 3.13)."""
    lines = unicodedata.normalize("NFKC", text).casefold().translate(APOSTROPHES).splitlines()
    return "\n".join(normalised(line) for line in lines)


def bare(text: str) -> str:
    """Text without the quotes, brackets, emphasis, bullets and full stops around it; separators become spaces."""
    stripped = _LINE_MARKER.sub("", folded(text)).strip(_WRAPPING)
    return re.sub(r"[\s_-]+", " ", stripped)
