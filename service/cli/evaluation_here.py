"""An evaluation that a command does here and now, with a bar on stderr; it is kept in a folder of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from encoders.adaptation.watch import Watch
from evaluation.learners.lmm import LmmOptions
from invariantselect.errors import AnswersInvalidError, InvalidRequestError
from invariantselect.wire.evaluation import EvaluateRequest, EvaluationResult
from service.cli.terminal import printable, progress
from service.cli.workplace import open_pools
from service.evaluation.evaluating import evaluate_pool
from service.settings import Settings

__all__ = ["evaluate_here"]


def evaluate_here(
    settings: Settings, request: EvaluateRequest, pool: str, lmm: LmmOptions | None, out: Path
) -> EvaluationResult:
    """Evaluate, or go on with what stands in the folder.

    Args:
        settings: Of the data directory.
        request: How.
        pool: Which.
        lmm: How the learner lmm asks.
        out: Where report and answers go; made where there is none.

    Raises:
        AnswersInvalidError: The folder holds another evaluation.
        InvalidRequestError: Another process evaluates into the folder.
        InvariantSelectError: As `service.evaluation.evaluating.evaluate_pool`; what was answered is kept.
    """

    def refuse(_: str) -> NoReturn:
        raise AnswersInvalidError(
            f"{out} holds an evaluation of demonstrations that the pool {pool!r} doesn't have as they were",
            hint="Give another folder with --out, or remove this one.",
        )

    with open_pools(settings) as pools:
        opened = pools.open(pool)
        out.mkdir(parents=True, exist_ok=True)
        with _alone(out), _bar(out) as watch:
            result = evaluate_pool(opened, request, settings, folder=out, out=out, lmm=lmm, watch=watch, log=refuse)
        if result.snapshot != opened.version():
            progress().print(
                f"This is version {result.snapshot} of the pool; for the present one give another folder with --out.",
                style="yellow",
            )
    return result


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout:
        raise InvalidRequestError(
            f"Another process evaluates into {out}.", hint="Wait for it, or give another folder with --out."
        ) from None


@contextmanager
def _bar(out: Path) -> Iterator[Watch]:
    """Shows how far it is; where it ends early, tells that nothing is lost."""
    console = progress()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    answered = 0
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("reading the pool", total=None)
        shown = ""

        def tell(phase: str, done: int, total: int, _: dict[str, float]) -> None:
            nonlocal answered, shown
            if phase == "answering":
                answered = done
            if phase != shown:  # else the time left would be that of another phase
                bar.reset(task, description=printable(phase), total=total)
                shown = phase
            bar.update(task, completed=done, total=total)

        try:
            yield Watch(tell)
        except BaseException:
            if answered:
                bar.console.print(f"{answered} answers are kept in {out}: the same command goes on from there.")
            raise
