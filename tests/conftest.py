"""Shared by every test: shapes and types of the numeric rooms are checked on each call while testing."""

from __future__ import annotations

from jaxtyping import install_import_hook

# Before any test module imports a room: only modules imported afterwards are checked.
install_import_hook(["encoders", "index", "evaluation"], "beartype.beartype")
