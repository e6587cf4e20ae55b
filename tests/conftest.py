"""Shared by every test: shapes and types of the numeric rooms are checked on each call while testing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Before any test module imports a room: only modules imported afterwards are checked.
install_import_hook(["encoders", "index", "evaluation"], "beartype.beartype")


@pytest.fixture(scope="session")
def encoder_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder store that the whole run shares, parallel workers too: exporting EfficientNet-Lite0 takes seconds."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return root / "shared-encoder-store"
