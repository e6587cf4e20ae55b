"""The words of a prompt: the choices and their marks, and the template that an answer is written with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from invariantselect.errors import PromptInvalidError

__all__ = ["AnswerTemplate", "Choices", "Enumeration", "instructions", "normalised"]

Enumeration: TypeAlias = Literal["letters", "numbers"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def normalised(text: str) -> str:
    """Text with Unicode's compatibility forms unified (NFKC) and every run of white space made one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


@dataclass(frozen=True)
class Choices:
    """The labels that may be answered, in the order they are listed, with a mark each when they are enumerated.

    Args:
        labels: At least one; none blank, no two alike after `normalised`.
        enumeration: ``"letters"`` marks them A, B, C, … (at most 26), ``"numbers"`` 1, 2, 3, …

    Raises:
        PromptInvalidError: The labels break a rule, or a label reads like a mark.
    """

    labels: tuple[str, ...]
    enumeration: Enumeration | None = None

    def __init__(self, labels: Iterable[str], enumeration: Enumeration | None = None) -> None:
        if isinstance(labels, str):
            raise PromptInvalidError(f"choices are a list of labels, not the string {labels!r}")
        object.__setattr__(self, "labels", tuple(labels))
        object.__setattr__(self, "enumeration", enumeration)
        self._check_labels()
        self._check_marks()

    def _check_labels(self) -> None:
        if not self.labels:
            raise PromptInvalidError("choices is empty", hint="Leave choices out to list none.")
        seen: dict[str, str] = {}
        for label in self.labels:
            form = normalised(label)
            if not form:
                raise PromptInvalidError("one of the choices is blank")
            if form in seen:
                raise PromptInvalidError(f"the choices {seen[form]!r} and {label!r} can't be told apart")
            seen[form] = label

    def _check_marks(self) -> None:
        if self.enumeration not in (None, "letters", "numbers"):
            raise PromptInvalidError(f"choices are enumerated by letters or by numbers, not by {self.enumeration!r}")
        if self.enumeration == "letters" and len(self.labels) > len(_LETTERS):
            raise PromptInvalidError(
                f"{len(self.labels)} choices are more than there are letters", hint="Enumerate them by numbers."
            )
        names = {normalised(label).casefold().strip(".:()[] ") for label in self.labels}
        alike = names & {mark.casefold() for mark in self.marks}
        if alike:
            raise PromptInvalidError(
                f"the choice {min(alike)!r} reads like the mark of another choice",
                hint="Enumerate the choices the other way, or not at all.",
            )

    @property
    def marks(self) -> tuple[str, ...]:
        """The mark of each label; empty when the choices aren't enumerated."""
        if self.enumeration is None:
            return ()
        if self.enumeration == "letters":
            return tuple(_LETTERS[: len(self.labels)])
        return tuple(str(number) for number in range(1, len(self.labels) + 1))

    def mark_of(self, label: str) -> str | None:
        """The mark of a label; None when the choices aren't enumerated.

        Raises:
            PromptInvalidError: The label is not one of the choices.
        """
        if label not in self.labels:
            raise PromptInvalidError(
                f"the label {label!r} is not one of the choices",
                hint="List every label that a demonstration may have, or filter the selection with where.",
            )
        return self.marks[self.labels.index(label)] if self.marks else None

    def listing(self) -> str:
        """The choices as a prompt lists them: ``dog, cat`` or a line ``A. dog`` each."""
        if not self.marks:
            return ", ".join(self.labels)
        return "\n".join(f"{mark}. {label}" for mark, label in zip(self.marks, self.labels, strict=True))


@dataclass(frozen=True)
class AnswerTemplate:
    """How an answer is written. ``{label}`` stands for the label and ``{mark}`` for its mark; other braces are text.

    Args:
        text: Such as ``"Answer: {label}"``, ``"{mark}"`` or ``'{"answer": "{label}"}'``.

    Raises:
        PromptInvalidError: Neither placeholder occurs, or one occurs twice.
    """

    text: str

    def __post_init__(self) -> None:
        counts = [self.text.count(placeholder) for placeholder in ("{label}", "{mark}")]
        if max(counts) != 1:
            raise PromptInvalidError(
                f"the answer template {self.text!r} doesn't hold {{label}} or {{mark}} exactly once",
                hint="Write for example 'Answer: {label}'.",
            )

    @property
    def needs_mark(self) -> bool:
        """Whether only enumerated choices can be answered with it."""
        return "{mark}" in self.text

    @property
    def prefix(self) -> str:
        """The text before the first placeholder."""
        return re.split(r"\{label\}|\{mark\}", self.text)[0]

    def render(self, label: str, mark: str | None) -> str:
        """The answer that names `label`.

        Raises:
            PromptInvalidError: The template holds ``{mark}`` and there is none.
        """
        if mark is None and self.needs_mark:
            raise PromptInvalidError(
                "the answer template holds {mark} but the choices aren't enumerated",
                hint="Give choices and enumeration='letters' or 'numbers'.",
            )
        values = {"{label}": label, "{mark}": mark or ""}
        return re.sub(r"\{label\}|\{mark\}", lambda found: values[found.group()], self.text)

    def described(self, choices: Choices | None) -> str:
        """The template with ``<label>`` and ``<letter>`` or ``<number>`` in place of the values."""
        kind = {"letters": "<letter>", "numbers": "<number>", None: ""}[choices.enumeration if choices else None]
        return self.render("<label>", kind or None)


def instructions(template: AnswerTemplate, choices: Choices | None, system: str | None) -> str:
    """The system text: what the user wrote, the choices, and how to answer.

    Args:
        template: How an answer is written.
        choices: The labels to list; None lists none.
        system: The user's own words, which come first.
    """
    parts = [system] if system else []
    if choices is not None:
        separator = "\n" if choices.marks else " "
        parts.append(f"Choose one of these labels:{separator}{choices.listing()}")
    parts.append(f"Give no explanation; answer with one line of this form:\n{template.described(choices)}")
    return "\n\n".join(parts)
