"""The root of the errors: what each of them has, and the table they enter by being defined."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["ERRORS", "InvariantSelectError"]

PROBLEM_TYPE_ROOT = "urn:invariantselect:error:"

ERRORS: dict[str, type[InvariantSelectError]] = {}


class InvariantSelectError(Exception):
    """Root of the tree: catch this to catch everything the project raises on purpose.

    Args:
        detail: What happened, in one sentence, for the person who has to act on it.
        hint: What to do next; the class's own hint when not given.
        context: Values worth having by name (``pool="skin"``), carried as extension members of the problem.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    default_hint: ClassVar[str] = "See the log of the server for the request id."

    def __init__(self, detail: str, /, *, hint: str | None = None, **context: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint if hint is not None else self.default_hint
        self.context: dict[str, Any] = context

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.code in ERRORS:
            raise TypeError(f"two error classes share the code {cls.code!r}")
        ERRORS[cls.code] = cls

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.detail, self.hint, self.context))

    def to_problem(self, *, instance: str | None = None) -> dict[str, Any]:
        """The RFC 9457 problem document of this error, ready for ``application/problem+json``."""
        problem: dict[str, Any] = {
            "type": PROBLEM_TYPE_ROOT + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }
        if instance is not None:
            problem["instance"] = instance
        return {**self.context, **problem}


def _rebuild(cls: type[InvariantSelectError], detail: str, hint: str, context: dict[str, Any]) -> InvariantSelectError:
    return cls(detail, hint=hint, **context)
