"""Settings, routes and errors are documented as the code has them: run `make docs` when this fails."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from invariantselect.errors import ERRORS
from service.app import create_app
from service.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_reference", DOCS / "write_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_what_the_code_says(reference: ModuleType) -> None:
    for path, text in reference.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: make docs"


def test_every_setting_stands_in_the_documentation() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"`INVARIANTSELECT_{name.upper()}`" not in page]
    assert missing == []


def test_every_route_of_the_openapi_document_stands_in_the_documentation(tmp_path: Path) -> None:
    page = (DOCS / "rest.md").read_text(encoding="utf-8")
    paths = create_app(Settings(data=tmp_path)).openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    documented = {line.split("`")[1].replace(":path}", "}") for line in page.splitlines() if line.startswith("| `")}
    assert routes - documented == set()


def test_every_error_stands_in_the_documentation() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [code for code in ERRORS if f"`{code}`" not in page] == []
