"""The kinds of jobs. One line each; what a kind does stands in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.jobs.adapting import ADAPT
from service.jobs.evaluating import EVALUATE
from service.jobs.importing import IMPORT
from service.jobs.kind import JobKind
from service.jobs.rebuilding import REBUILD

__all__ = ["KINDS"]

KINDS: Mapping[str, JobKind[Any]] = {
    kind.name: kind
    for kind in (
        REBUILD,
        IMPORT,
        ADAPT,
        EVALUATE,
    )
}
