"""What endpoints count."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Tokens"]


@dataclass(frozen=True)
class Tokens:
    """Tokens of the prompt and of the answer."""

    prompt: int = 0
    answer: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt + other.prompt, self.answer + other.answer)

    def __sub__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt - other.prompt, self.answer - other.answer)
