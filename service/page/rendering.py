"""Templates become pages: one HTML file that needs nothing else, no script, no font, no request to anywhere.

Ids, labels and metadata are hostile: everything is escaped, and a page's own policy forbids scripts, foreign resources
and every style but the one it carries.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """A page as text, to be written as UTF-8.

    Args:
        template: Name of a file beside this one.
        **values: What it shows.
    """
    style = _read("style.css")
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(style),  # noqa: S704 – our own file, not the user's text
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_read),
    )


@cache
def _read(name: str) -> str:
    return files("service.page").joinpath(name).read_text(encoding="utf-8")
