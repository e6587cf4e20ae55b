"""Kinds of jobs that a test can look into: what they do leaves lines in a file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from invariantselect.errors import ManifestInvalidError
from service.jobs.context import JobContext
from service.jobs.kind import JobKind

__all__ = ["KINDS", "Fails", "Marks", "Steps"]


class Marks(BaseModel):
    """Leave one line with the job's id."""

    file: Path


class Steps(BaseModel):
    """Do `steps` things, each a line in `file`; before the one numbered `gate` wait until `gate_file` is there."""

    file: Path
    steps: int = 10
    gate: int = 5
    gate_file: Path


class Fails(BaseModel):
    """End badly: in a way that is foreseen, or not."""

    foreseen: bool = True


def _append(file: Path, line: object) -> None:
    # One write at the end of the file: whole or not at all, whoever else writes.
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _mark(context: JobContext, request: Marks) -> dict[str, Any]:
    _append(request.file, context.job_id)
    return {"by": os.getpid()}


def _steps(context: JobContext, request: Steps) -> dict[str, Any]:
    checkpoint = context.folder / "next"
    begin = int(checkpoint.read_text()) if checkpoint.exists() else 0
    context.log(f"begins at {begin}")
    for number in range(begin, request.steps):
        context.progress("stepping", number, request.steps, loss=1 / (number + 1))
        while number == request.gate and not request.gate_file.exists():
            context.check()
            time.sleep(0.01)
        context.check()
        _append(request.file, number)
        checkpoint.write_text(str(number + 1))
    context.progress("stepping", request.steps, request.steps)
    return {"began_at": begin}


def _fail(_context: JobContext, request: Fails) -> dict[str, Any]:
    if request.foreseen:
        raise ManifestInvalidError("the manifest is no good", hint="Write a better one.", line=7)
    raise ZeroDivisionError("a secret")


KINDS = {
    kind.name: kind
    for kind in (JobKind("marks", Marks, _mark), JobKind("steps", Steps, _steps), JobKind("fails", Fails, _fail))
}
