"""Which metrics an expression of PromQL asks for."""

from __future__ import annotations

import re

__all__ = ["metrics_in"]

_NOT_NAMES = re.compile(r'"(?:[^"\\]|\\.)*"|\{[^{}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)')
_WORDS = {"and", "or", "unless", "offset", "bool", "group_left", "group_right", "inf", "nan"}


def metrics_in(expression: str) -> set[str]:
    """Names that are neither functions, nor keywords, nor labels: what stands outside of strings, braces, brackets and
    the lists behind ``by``, and isn't followed by a parenthesis. (An aggregation with ``by`` in front is, once that is
    taken away.)
    """
    bare = expression
    while (without := _NOT_NAMES.sub(" ", bare)) != bare:
        bare = without
    assert not set(bare) & set("\"'{}[]"), expression
    assert bare.count("(") == bare.count(")"), expression
    names = re.findall(r"(?<![\w.])[A-Za-z_:][\w:]*(?!\w)(?!\s*\()", bare)
    return {name for name in names if name.lower() not in _WORDS}
