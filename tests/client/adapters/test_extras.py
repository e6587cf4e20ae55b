"""Without its library an adapter says which extra brings it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("adapter", "module", "library"),
    [
        ("langchain", "langchain_core", "langchain-core"),
        ("llamaindex", "llama_index", "llama-index-core"),
        ("dspy", "dspy", "dspy"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(adapter: str, module: str, library: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None\nimport invariantselect.adapters.{adapter}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: this adapter needs {library}, ")
    assert last.endswith(f"pip install 'invariantselect[{adapter}]'")
