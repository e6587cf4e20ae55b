"""What a figure hangs on beside the code's options: machine, versions, commit."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from benchmarks.machine import describe
from benchmarks.report import ROOT

__all__ = ["facts"]

_PACKAGES = ("torch", "torchvision", "timm", "numpy", "onnxruntime", "pillow")


def facts() -> dict[str, Any]:
    """As JSON values."""
    return {
        "machine": describe(),
        "versions": {name: version(name) for name in _PACKAGES},
        "commit": _commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _commit() -> str:
    """The commit, and whether code was changed since; empty outside of a repository."""
    code = ["encoders", "client", "benchmarks", ":!benchmarks/quality/results"]
    head = _git("rev-parse", "--short=12", "HEAD")
    return head + ("-changed" if head and _git("status", "--porcelain", "--", *code) else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
