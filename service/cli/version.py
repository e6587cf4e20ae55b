"""``invariantselect version``"""

from __future__ import annotations

import platform
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
    from service.cli.terminal import print_json, print_table

    ours = distribution_version("invariantselect-server")
    packages = {name: found for name in _TOLD if (found := distribution_version(name)) is not None}
    if as_json:
        print_json({"invariantselect": ours, "python": platform.python_version(), "packages": packages})
        return
    rows = [("invariantselect", ours or "run from a checkout, not installed"), ("python", platform.python_version())]
    print_table(["package", "version"], [*rows, *packages.items()])
