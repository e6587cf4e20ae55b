"""The two layouts of a prompt, as turns that no vendor owns yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from invariantselect.prompts.pictures import Picture

__all__ = ["Layout", "Part", "Shown", "Turn", "images_first", "interleaved"]

Layout: TypeAlias = Literal["interleaved", "images_first"]

Part: TypeAlias = "str | Picture"
"""A piece of a turn: text, or a picture."""


@dataclass(frozen=True)
class Shown:
    """A demonstration as it is shown: its picture and the answer it demonstrates."""

    picture: Picture
    answer: str


@dataclass(frozen=True)
class Turn:
    """One turn of the conversation. `cacheable` parts, counted from the start, are the same for every query."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    cacheable: int = 0


def interleaved(demonstrations: Sequence[Shown], query: Picture, question: str) -> tuple[Turn, ...]:
    """Each demonstration as a question with its image and the answer to it, then the query as an open question.

    Args:
        demonstrations: In prompt order; none makes a zero-shot prompt.
        query: The query's picture.
        question: The same in every turn.
    """
    turns: list[Turn] = []
    for shown in demonstrations:
        turns.append(Turn("user", (shown.picture, question), cacheable=2))
        turns.append(Turn("assistant", (shown.answer,), cacheable=1))
    return (*turns, Turn("user", (query, question)))


def images_first(demonstrations: Sequence[Shown], query: Picture, question: str) -> tuple[Turn, ...]:
    """One user turn: all demonstrations' images, numbered, then their answers as a list, then the query and question.

    The query's image stands after the list, not before it: what comes before it is then the same for every query
    that is shown the same demonstrations, and can be cached.

    Args:
        demonstrations: In prompt order; none makes the zero-shot prompt of `interleaved`.
        query: The query's picture.
        question: Asked once for all demonstrations above their answers, and once for the query.
    """
    if not demonstrations:
        return interleaved(demonstrations, query, question)
    parts: list[Part] = []
    answers: list[str] = []
    for number, shown in enumerate(demonstrations, start=1):
        parts += [f"Image {number}:", shown.picture]
        answers.append(f"Image {number}: {shown.answer}")
    parts.append("\n".join([question, *answers]))
    cacheable = len(parts)
    parts += [f"Image {len(demonstrations) + 1}:", query, question]
    return (Turn("user", tuple(parts), cacheable),)
