"""``invariantselect version``"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from service.cli.arguments import AsJson

__all__ = ["distribution_version", "version"]

_TOLD = ["torch", "onnxruntime", "faiss-cpu", "faiss-gpu", "open-clip-torch", "timm", "numpy", "pillow", "fastapi"]


def distribution_version(name: str) -> str | None:
    """Version of an installed distribution, without importing it; None where it isn't installed."""
    try:
        return installed_version(name)
    except PackageNotFoundError:
        return None


def version(as_json: AsJson = False) -> None:
    """Tell the version of invariantselect and of what it runs on.

    \b
    Examples:
      invariantselect version
      invariantselect version --json
    """
    ours = distribution_version("invariantselect-server")
    packages = {name: found for name in _TOLD if (found := distribution_version(name)) is not None}
    if as_json:
        told = {"invariantselect": ours, "python": platform.python_version(), "packages": packages}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    rows = {
        "invariantselect": ours or "from a checkout, not installed",
        "python": platform.python_version(),
        **packages,
    }
    for name, found in rows.items():  # by hand: loading rich would take longer than all the rest
        sys.stdout.write(f"{name:<16} {found}\n")
