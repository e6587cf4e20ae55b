"""docs/cli.md knows every command and every option, and every command's help has an example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from service.cli.app import app

DOCS = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL))
EVERYWHERE = {"--help", "-h", "--data", "--json", "--pool", "-p", "--yes", "-y"}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", {})
    if path and (not children or command.invoke_without_command):
        yield path, command
    for name, child in children.items():
        yield from commands(child, (*path, name))


ALL = list(commands(typer.main.get_command(app)))


def section_of(name: str) -> str:
    return next(body for title, body in SECTIONS.items() if name in title.split())


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_a_command_is_documented_with_its_options_and_has_an_example(path: tuple[str, ...], command: Any) -> None:
    body = section_of(path[0])
    assert path[-1] in body
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("-")} - EVERYWHERE
    missing = {name for name in options if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", body)}
    assert not missing
    assert "Examples:" in command.help
    assert f"invariantselect {' '.join(path)}" in command.help


def test_the_docs_name_no_option_that_does_not_exist() -> None:
    known = {name for _, command in ALL for parameter in command.params for name in parameter.opts} | {"--help"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", DOCS))
    assert named <= known
