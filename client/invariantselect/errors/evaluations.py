"""What is wrong with an evaluation."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = ["AnswersInvalidError", "PoolNotDivisibleError"]


class PoolNotDivisibleError(InvariantSelectError):
    """A pool that an evaluation protocol can't divide into demonstrations and queries."""

    code = "pool_not_divisible"
    status = 422
    title = "The pool can't be divided so"
    default_hint = "Choose another protocol: k-fold needs no domains, only two groups."


class AnswersInvalidError(InvariantSelectError):
    """A file of answers that can't be read, or that another evaluation wrote."""

    code = "answers_invalid"
    status = 422
    title = "The file holds no answers of this evaluation"
    default_hint = "Give another file, or remove this one to begin anew."
