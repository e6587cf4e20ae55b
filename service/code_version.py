"""Which version of this software runs: it stands beside whatever figures it made."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["code_version"]


def code_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("invariantselect-server")
    except PackageNotFoundError:
        return "0+uninstalled"
