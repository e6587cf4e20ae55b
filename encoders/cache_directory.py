"""Where files go that can be made again, when no store is given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["user_cache_directory"]


def user_cache_directory() -> Path:
    """The project's directory in the user's cache; not made here.

    Source: XDG Base Directory Specification 0.8, 2021,
    https://specifications.freedesktop.org/basedir-spec/latest/, and the platforms' own customs.
    """
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
        root = configured if configured.is_absolute() else Path.home() / ".cache"
    return root / "invariantselect"
