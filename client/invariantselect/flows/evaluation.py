"""Evaluation: hand it in, fetch its report."""

from __future__ import annotations

from typing import Any

import httpx2

from invariantselect.calls import Call, Flow, one
from invariantselect.checking import body, checked
from invariantselect.flows.jobs import handed_in, job_path
from invariantselect.flows.paths import pool_path
from invariantselect.wire.base import Sent
from invariantselect.wire.evaluation import EvaluateRequest, ReportFile
from invariantselect.wire.jobs import Job

__all__ = ["evaluate", "report"]


class _InPath(Sent):
    file: ReportFile


def evaluate(pool: str, *, idempotency_key: str | None, **asked: Any) -> Flow[Job]:
    """Hand in an evaluation. Repeatable: the key says that it is the same request."""
    request = checked(EvaluateRequest, **asked)
    return (yield from one(handed_in(f"{pool_path(pool)}/evaluate", body(request), idempotency_key)))


def report(id: str, file: ReportFile) -> Flow[bytes]:
    """A file of the report of an evaluation."""
    path = f"{job_path(id)}/report/{checked(_InPath, file=file).file}"
    return (yield from one(Call("GET", path, _content, repeatable=True)))


def _content(response: httpx2.Response) -> bytes:
    return response.content
