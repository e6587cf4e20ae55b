"""SVG elements as text in which everything is escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

__all__ = ["element", "number", "text"]


def element(tag: str, *children: Markup, **attributes: str | float) -> Markup:
    """An element with its children.

    Args:
        tag: Name of the element, one of ours.
        *children: What is in it.
        **attributes: By name, ``_`` for ``-`` and a trailing ``_`` dropped; numbers are written with two decimals.

    Example:
        >>> element("rect", width=2.5, class_="bar")
        Markup('<rect width="2.5" class="bar"/>')
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(_name(word), value if isinstance(value, str) else number(value))
        for word, value in attributes.items()
    )
    inside = Markup("").join(children)
    # The tag is a word of this package, never of a user.
    return Markup("<{0}{1}>{2}</{0}>" if inside else "<{0}{1}/>").format(Markup(tag), written, inside)  # noqa: S704


def text(words: str, **attributes: str | float) -> Markup:
    """A line of text."""
    return element("text", escape(words), **attributes)


def number(value: float) -> str:
    """A coordinate to a hundredth, as short as it can be written.

    Example:
        >>> number(3.0), number(-0.001), number(0.126)
        ('3', '0', '0.13')
    """
    rounded = round(value, 2)
    return f"{rounded:.2f}".rstrip("0").rstrip(".") if rounded else "0"


def _name(word: str) -> str:
    return word.rstrip("_").replace("_", "-")
