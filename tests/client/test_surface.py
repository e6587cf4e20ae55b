"""The public surface: both clients alike, keywords like the options, everything exported, and a fast import."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

import invariantselect
from invariantselect import AsyncClient, Client, SelectionOptions
from invariantselect.inputs import ComparisonKeywords, DemonstrationChanges, SelectionKeywords
from invariantselect.wire import DemonstrationPatch
from tests.client.test_retries import REPEATABLE, UNSAFE

ROOT = Path(__file__).parents[2]


def public(cls: type) -> dict[str, inspect.Signature]:
    functions = inspect.getmembers(cls, inspect.isfunction)
    return {name: inspect.signature(function) for name, function in functions if not name.startswith("_")}


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    blocking, waiting = public(Client), public(AsyncClient)
    assert blocking.pop("close").parameters == waiting.pop("aclose").parameters
    assert {name: list(signature.parameters.values()) for name, signature in blocking.items()} == {
        name: list(signature.parameters.values()) for name, signature in waiting.items()
    }
    made, made_async = inspect.signature(Client), inspect.signature(AsyncClient)
    assert list(made.parameters) == list(made_async.parameters)


def test_whether_a_call_is_repeated_is_tested_for_every_method() -> None:
    assert set(public(Client)) == {*REPEATABLE, *UNSAFE, "close", "with_options"}


def test_the_keywords_of_a_selection_are_its_options() -> None:
    assert set(SelectionKeywords.__annotations__) == set(SelectionOptions.model_fields)
    assert set(ComparisonKeywords.__annotations__) == set(SelectionOptions.model_fields) - {"strategy"}
    assert list(DemonstrationChanges.__annotations__) == list(DemonstrationPatch.model_fields)


@pytest.mark.parametrize("name", invariantselect.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(invariantselect, name) is not None
    assert name in dir(invariantselect)


def test_type_checkers_and_python_see_the_same_names() -> None:
    source = (ROOT / "client/invariantselect/__init__.py").read_text()
    promised = source.split("if TYPE_CHECKING:")[1].split("__all__")[0]
    names = {word.strip(",") for line in promised.splitlines() for word in line.split("import")[-1].split()} - {
        "(",
        ")",
    }
    assert names == set(invariantselect.__all__) - {"__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Klient"):
        invariantselect.Klient  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]
    assert invariantselect.__version__ == project["version"]


def test_annotations_of_the_keywords_can_be_resolved_at_run_time() -> None:
    assert get_type_hints(SelectionKeywords)["k"] is int


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(ROOT / "client"), "PATH": ""}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60).stdout


HEAVY = ["torch", "faiss", "numpy", "PIL", "fastapi", "sqlalchemy", "encoders", "index", "service"]


def test_using_the_client_imports_nothing_heavy() -> None:
    loaded = f"print(*[name for name in {HEAVY} if name in sys.modules])"
    assert run(f"import sys; from invariantselect import *; Client('http://localhost'); {loaded}").split() == []


def test_importing_the_package_loads_neither_http_nor_wire_types() -> None:
    assert run("import sys, invariantselect; print('httpx2' in sys.modules, 'pydantic' in sys.modules)").split() == [
        "False",
        "False",
    ]


def test_the_package_is_imported_in_less_than_half_a_second() -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        run("import invariantselect")
        return time.perf_counter() - begun

    # The best of a few: what another process takes of this machine's cores is not the package's doing.
    assert min(seconds() for _ in range(3)) < 0.5
