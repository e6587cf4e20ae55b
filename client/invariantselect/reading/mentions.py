"""Where a sentence names labels: whole words only, the longest name wins, and whether the mention is denied."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from invariantselect.reading.folding import folded

__all__ = ["Mention", "Mentions", "negated"]

_JOINERS = "-_"
_DECIMAL = ".,"
_SUFFIXES = "+#%"
_SEPARATORS_WITHIN = re.compile(r"(?<=[^\s_-])[\s_-]+(?=[^\s_-])")
_CLAUSE_END = re.compile(r"[.,;:!?\n()]|\bbut\b", re.IGNORECASE)
_LONGEST_CLAUSE = 200
_WORD_BEHIND = re.compile(r"[\s*_]*\w")
_DENIALS = frozenset({"no", "not", "none", "never"})
_NEGATION = re.compile(
    r"\b(?:not|no|non|never|neither|nor|without|cannot|unlikely|excluded?|excludes|excluding|rather than|instead of"
    r"|lacks|lacking|rul(?:e|es|ed|ing) out|ruled|[a-z]+n't|isnt|doesnt|cant)\b",
    re.IGNORECASE,
)

# ``melanoma: no``, ``Melanoma? No, a nevus.``
_DENIED = re.compile(
    r"[\s*_\"']*[:?][\s*_\"']*(?:no|not|none|never|negative|absent|false|unlikely|excluded)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Mention:
    """One place where a text names a label."""

    label: str
    start: int
    end: int


class Mentions:
    """Finds labels in folded text. Between the words of a label any run of spaces, hyphens or underscores will do.

    Args:
        labels: The labels; labels that fold to the same text are found as each of them.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._patterns = [(label, re.compile(_pattern(label))) for label in labels]

    def find(self, text: str) -> list[Mention]:
        """Mentions by place. One that lies within a longer one is part of that name and left out.

        Args:
            text: As `folded` returns it.
        """
        found = [mention for label, pattern in self._patterns for mention in _occurrences(label, pattern, text)]
        found.sort(key=lambda mention: (mention.start, -mention.end))
        kept: list[Mention] = []
        widest = Mention("", 0, 0)
        for mention in found:
            within = mention.end < widest.end or (mention.end == widest.end and mention.start > widest.start)
            if not within:
                kept.append(mention)
                widest = mention
        return kept


def _pattern(label: str) -> str:
    return r"[\s_-]+".join(re.escape(word) for word in _SEPARATORS_WITHIN.split(folded(label)))


def _occurrences(label: str, pattern: re.Pattern[str], text: str) -> Iterator[Mention]:
    found = pattern.search(text)
    while found is not None:
        if _stands_alone(text, found.start(), found.end()) and not _goes_with_the_next(text, found):
            yield Mention(label, found.start(), found.end())
        found = pattern.search(text, found.start() + 1)


def _goes_with_the_next(text: str, found: re.Match[str]) -> bool:
    """Whether a name is a word of the sentence rather than an answer: that there is *no* doubt doesn't say no."""
    return found[0] in _DENIALS and _WORD_BEHIND.match(text, found.end()) is not None


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether the name at ``text[start:end]`` is no part of a longer word or number."""
    before, after = text[max(0, start - 2) : start][::-1], text[end : end + 2]
    if text[start].isdigit() and before[:1] == "-":
        return False
    if _in_word(text[end - 1]) and after[:1] and after[0] in _SUFFIXES:
        return False
    return not (_continues(text[start], before) or _continues(text[end - 1], after))


def _continues(edge: str, beside: str) -> bool:
    """Whether what stands beside the edge of a name, nearest character first, continues the edge's word."""
    if not beside or not _in_word(edge):
        return False
    if _in_word(beside[0]):
        return True
    if edge.isdigit() and beside[0] in _DECIMAL:
        return beside[1:].isdigit()
    return beside[0] in _JOINERS and _in_word(beside[1:] or " ")


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def negated(text: str, mention: Mention) -> bool:
    """Whether the clause around a mention denies something: ``not a dog``, ``a dog is ruled out``, ``isn't a dog``.

    Args:
        text: Any, with straight apostrophes.
        mention: A mention in it.
    """
    before = _CLAUSE_END.split(text[max(0, mention.start - _LONGEST_CLAUSE) : mention.start])[-1]
    behind = text[mention.end : mention.end + _LONGEST_CLAUSE]
    after = _CLAUSE_END.split(behind, maxsplit=1)[0]
    return bool(_NEGATION.search(before) or _NEGATION.search(after) or _DENIED.match(behind))
