"""Doing something at a moment of a job: when it tells of a phase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from invariantselect.errors import CatalogUnavailableError
from service.jobs.context import JobContext
from tests.service.jobs.place import wait_until

__all__ = ["at", "cancel", "fail"]


def at(patch: pytest.MonkeyPatch, phase: str, does: Callable[[JobContext], object]) -> list[str]:
    """Do something when a job first tells of a phase that begins with these words; the phases that it has told of."""
    real = JobContext.progress
    told: list[str] = []
    done: list[bool] = []

    def progress(context: JobContext, now: str, *args: Any, **figures: Any) -> None:
        real(context, now, *args, **figures)
        told.append(now)
        if now.startswith(phase) and not done:
            done.append(True)
            does(context)

    patch.setattr(JobContext, "progress", progress)
    return told


def cancel(context: JobContext) -> None:
    """Cancel the job as a client would, and go on when its worker knows."""
    context.services.jobs.cancel(context.job_id)
    wait_until(context.stopped)


def fail(_context: JobContext) -> None:
    """Fail as if the database were away."""
    raise CatalogUnavailableError("the database doesn't answer")
