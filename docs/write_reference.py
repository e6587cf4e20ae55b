"""Writes docs/settings.md, docs/rest.md and docs/errors.md from the code: `make docs`. A test holds them to it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from fastapi.routing import APIRoute

from invariantselect.errors import ERRORS
from service.access.scoped import Scoped
from service.routers import ROUTERS
from service.settings import Settings

DOCS = Path(__file__).parent
BEGIN, END = "<!-- reference:begin -->", "<!-- reference:end -->"


def settings_table() -> str:
    """Each setting as an environment variable, with its default and what it does."""
    lines = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        annotation: Any = field.annotation
        choices = get_args(annotation) if get_origin(annotation) is Literal else ()
        told = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        default = "" if field.default in (None, (), "") else f"`{field.default}`"
        lines.append(f"| `INVARIANTSELECT_{name.upper()}` | {default} | {_cell(field.description or '')}{told} |")
    return "\n".join(lines)


def routes_table() -> str:
    """Each route with the scope that its key needs."""
    lines = ["| route | scope | what it does |", "|---|---|---|"]
    for route in (route for router in ROUTERS for route in router.routes):
        if not isinstance(route, APIRoute):
            continue
        calls = (dependency.call for dependency in route.dependant.dependencies)
        scopes = [call.scope for call in calls if isinstance(call, Scoped)]
        method = "/".join(sorted(route.methods))
        lines.append(f"| `{method} {route.path}` | {scopes[0] if scopes else 'open'} | {_cell(route.summary or '')} |")
    return "\n".join(lines)


def errors_table() -> str:
    """Each error with its code, its HTTP status and the hint it comes with."""
    lines = ["| code | status | class | what to do |", "|---|---|---|---|"]
    for code, error in sorted(ERRORS.items(), key=lambda item: (item[1].status, item[0])):
        lines.append(f"| `{code}` | {error.status} | `{error.__name__}` | {_cell(error.default_hint)} |")
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """Each page as it should read: its own words, and the table between the markers made anew."""
    tables = {"settings.md": settings_table(), "rest.md": routes_table(), "errors.md": errors_table()}
    made = {}
    for name, table in tables.items():
        text = (DOCS / name).read_text(encoding="utf-8")
        pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
        made[DOCS / name] = pattern.sub(lambda _, table=table: f"{BEGIN}\n{table}\n{END}", text)
    return made


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.name}\n")
