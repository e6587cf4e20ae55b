"""From what a model wrote back to a label, or to the reason why no label can be read from it."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from invariantselect.prompts.prompt import DEFAULT_ANSWER_TEMPLATE
from invariantselect.prompts.wording import AnswerTemplate, Choices, Enumeration
from invariantselect.reading.folding import APOSTROPHES, folded
from invariantselect.reading.json_answers import answer_key, answers_in
from invariantselect.reading.marks import Marks
from invariantselect.reading.mentions import Mentions, negated
from invariantselect.reading.names import Names

__all__ = ["AnswerParser", "How", "ParsedAnswer"]

How: TypeAlias = Literal["template", "json", "name", "mark", "mention", "empty", "unknown", "ambiguous", "negated"]
"""How a label was read (the first five), or why none was (the others)."""

_MARKDOWN = r"[\s*_`]*"


@dataclass(frozen=True)
class ParsedAnswer:
    """What was read from an answer.

    Args:
        label: One of the choices, exactly as it was given; None when the answer can't be read.
        how: ``template``: a line in the form of the answer template; ``json``: the value of a JSON object; ``name``:
            the whole text is the label; ``mark``: the mark of an enumerated choice; ``mention``: the only label that
            a sentence names. Without a label: ``empty``; ``unknown``: no choice is named; ``ambiguous``: several are;
            ``negated``: one is named and denied.
    """

    label: str | None
    how: How


class AnswerParser:
    """Reads labels from a model's answers and counts what it can't read. It would rather not read than misread.

    The first of these that applies decides: the whole text is an answer in the template's form; a JSON object has an
    answer; a line begins in the template's form; the whole text is a label or a mark; exactly one label is mentioned.
    Case, white space, Unicode forms, markdown and surrounding punctuation don't matter. Names are whole words
    (``cat`` is not in ``category`` nor in ``non-cat``) and the longest wins (``melanoma in situ``). Thinking that ends
    with ``</think>`` is skipped. Any number of threads may share a parser.

    Args:
        choices: The labels that may be answered.
        answer_template: The one that the prompt was built with.
        enumeration: The one that the prompt was built with.

    Raises:
        PromptInvalidError: Choices or a template that break their rules, see `Choices` and `AnswerTemplate`.

    Example:
        >>> parser = AnswerParser(["dog", "cat"])
        >>> parser.parse("I see whiskers, no dog.\\n**Answer:** Cat.").label
        'cat'
        >>> parser.parse("A dog or a cat.").how
        'ambiguous'
        >>> parser.read, parser.unreadable
        (1, 1)
    """

    def __init__(
        self,
        choices: Iterable[str],
        *,
        answer_template: str = DEFAULT_ANSWER_TEMPLATE,
        enumeration: Enumeration | None = None,
    ) -> None:
        listed = Choices(choices, enumeration)
        template = AnswerTemplate(answer_template)
        rendered = [(template.render(label, listed.mark_of(label)), label) for label in listed.labels]
        endings = [(answer.removeprefix(template.prefix), label) for answer, label in rendered]
        self.choices = listed
        self._rendered = Names(rendered)
        self._endings = Names(endings)
        self._labels = Names((label, label) for label in listed.labels)
        self._marks = Marks(listed)
        self._mentions = Mentions(listed.labels)
        self._prefix = _prefix_pattern(template.prefix)
        self._key = answer_key(answer_template)
        self._counts: Counter[How] = Counter()
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[How, int]:
        """How many answers were read in which way, or not read for which reason."""
        with self._lock:
            return dict(self._counts)

    @property
    def read(self) -> int:
        """How many answers gave a label."""
        return sum(count for how, count in self.counts.items() if how not in _UNREADABLE)

    @property
    def unreadable(self) -> int:
        """How many answers gave none."""
        return sum(count for how, count in self.counts.items() if how in _UNREADABLE)

    def parse(self, text: str | None) -> ParsedAnswer:
        """The label that an answer names, and how it was read.

        Args:
            text: What the model wrote; None (a refusal in some APIs) reads as empty.
        """
        parsed = self._parse(text or "")
        with self._lock:
            self._counts[parsed.how] += 1
        return parsed

    def _parse(self, text: str) -> ParsedAnswer:
        exact = self._rendered.find(text)
        if len(exact) == 1:
            return _one_of(exact, "template")
        text = _without_thinking(text)
        if not text.strip():
            return ParsedAnswer(None, "empty")
        answers = answers_in(text, self._key)
        if answers:
            return _agreed([self._fragment(answer, "json") for answer in answers])
        endings = list(self._endings_in(text))
        if endings:
            return _agreed([self._fragment(ending, "template") for ending in endings])
        return self._fragment(text, None)

    def _endings_in(self, text: str) -> Iterator[str]:
        """What follows the template's beginning, wherever it stands: the rest of its line, else the next line."""
        if self._prefix is None:
            return
        plain = unicodedata.normalize("NFKC", text)
        places = [found.span() for found in self._prefix.finditer(plain)]
        for (_, end), (stop, _) in pairwise([*places, (len(plain), len(plain))]):
            yield next((line for line in plain[end:stop].splitlines() if line.strip(" \t*_`")), "")

    def _fragment(self, text: str, how: How | None) -> ParsedAnswer:
        """The label in a piece of an answer; `how` names the place where it was found, if that says enough."""
        named = self._labels.find(text)
        if named:
            return _one_of(named, how or "name")
        marked = self._marks.alone(text)
        if marked is not None:
            return ParsedAnswer(marked, how or "mark")
        ending = self._endings.find(text)
        if ending:
            return _one_of(ending, how or "template")
        return self._sentence(text, how)

    def _sentence(self, text: str, how: How | None) -> ParsedAnswer:
        plain, cased = folded(text), unicodedata.normalize("NFKC", text).translate(APOSTROPHES)
        mentions, marks = self._mentions.find(plain), self._marks.find(cased)
        labels = {mention.label for mention in (*mentions, *marks)}
        if len(labels) != 1:
            return ParsedAnswer(None, "ambiguous" if labels else "unknown")
        if any(negated(plain, mention) for mention in mentions) or any(negated(cased, mark) for mark in marks):
            return ParsedAnswer(None, "negated")
        return _one_of(labels, how or ("mention" if mentions else "mark"))


_UNREADABLE: frozenset[How] = frozenset({"empty", "unknown", "ambiguous", "negated"})


def _one_of(labels: set[str], how: How) -> ParsedAnswer:
    return ParsedAnswer(next(iter(labels)), how) if len(labels) == 1 else ParsedAnswer(None, "ambiguous")


def _agreed(answers: list[ParsedAnswer]) -> ParsedAnswer:
    """The answer that all readable ones agree on; the last unreadable one when none is readable."""
    readable = [answer for answer in answers if answer.label is not None]
    if len({answer.label for answer in readable}) > 1 or any(answer.how == "ambiguous" for answer in answers):
        return ParsedAnswer(None, "ambiguous")
    return (readable or answers)[-1]


def _without_thinking(text: str) -> str:
    """The text after ``</think>``; what precedes ``<think>`` when the thinking was cut off."""
    return text.rpartition("</think>")[2].partition("<think>")[0]


def _prefix_pattern(prefix: str) -> re.Pattern[str] | None:
    """Matches a template's beginning in any case, with markdown around its words; None when it holds no word."""
    pieces = re.findall(r"\w+|[^\w\s*`]", unicodedata.normalize("NFKC", prefix))
    if not any(map(_is_word, pieces)):
        return None
    start = r"(?<!\w)" if _is_word(pieces[0]) else ""
    end = r"(?!\w)" if _is_word(pieces[-1]) else ""
    return re.compile(start + _MARKDOWN.join(re.escape(piece) for piece in pieces) + end, re.IGNORECASE)


def _is_word(piece: str) -> bool:
    return re.match(r"[^\W_]", piece) is not None
