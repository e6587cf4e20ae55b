"""``invariantselect jobs``: list, look at, follow, cancel, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from invariantselect.wire.jobs import Job, JobEvent

__all__ = ["app", "tell_end"]

app = typer.Typer(help="List, follow, cancel and retry jobs.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The job's id, as 'jobs list' shows it.")]


@app.command("list")
def list_(
    *,
    pool: Annotated[str | None, typer.Option("--pool", "-p", metavar="NAME", help="Only those about a pool.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only those of a kind: rebuild, import, adapt, evaluate.")
    ] = None,
    state: Annotated[
        Literal["queued", "running", "succeeded", "failed", "cancelled"] | None,
        typer.Option("--state", help="Only those in a state."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first.

    \b
    Examples:
      invariantselect jobs list
      invariantselect jobs list --pool pets --state failed
    """
    from service.cli.terminal import print_json, print_table
    from service.cli.workplace import open_jobs, read_settings

    with open_jobs(read_settings(data)) as desk:
        found = desk.page(limit=limit, pool=pool, kind=kind, state=state)
    if as_json:
        print_json({"jobs": [job.model_dump(mode="json") for job in found]})
        return
    rows = [
        (job.id, job.kind, job.pool, job.state, job.attempt, _how_far(job), f"{job.created_at:%Y-%m-%d %H:%M}")
        for job in found
    ]
    print_table(["id", "kind", "pool", "state", "attempt", "progress", "made (UTC)"], rows, right=["attempt"])


@app.command()
def show(id: Id, data: Data = DEFAULT_DATA) -> None:
    """Show a job as JSON: its request, its progress, its result or error.

    \b
    Examples:
      invariantselect jobs show 0192f3a4b5c60123456789ab
    """
    from service.cli.terminal import print_json
    from service.cli.workplace import open_jobs, read_settings

    with open_jobs(read_settings(data)) as desk:
        print_json(desk.get(id).model_dump(mode="json"))


@app.command()
def follow(id: Id, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Follow a job until it ends, and end as it does. Ctrl-C stops following, not the job.

    With --json each event is a line of JSON.

    \b
    Examples:
      invariantselect jobs follow 0192f3a4b5c60123456789ab
    """
    import sys

    from service.cli.job_progress import events_of, failure_of, show_until_done
    from service.cli.workplace import open_jobs, read_settings

    with open_jobs(read_settings(data)) as desk:
        if not as_json:
            tell_end(show_until_done(desk, id))
            return
        for event in events_of(desk, id):
            sys.stdout.write(event.model_dump_json() + "\n")
            sys.stdout.flush()
        failure = failure_of(desk.get(id))
    if failure is not None:
        raise failure


@app.command()
def cancel(id: Id, data: Data = DEFAULT_DATA) -> None:
    """Cancel a job: at once while it waits, within seconds while it runs.

    \b
    Examples:
      invariantselect jobs cancel 0192f3a4b5c60123456789ab
    """
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import open_jobs, read_settings

    settings = read_settings(data)
    with open_jobs(settings) as desk, audited(settings, "cancel_job", desk.get(id).pool, job=id):
        job = desk.cancel(id)
    progress().print(f"Cancelled {id}." if job.finished else f"Its worker stops {id} within seconds.")


@app.command()
def retry(id: Id, data: Data = DEFAULT_DATA) -> None:
    """Queue a failed or cancelled job again. It goes on from its last checkpoint.

    \b
    Examples:
      invariantselect jobs retry 0192f3a4b5c60123456789ab
    """
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import open_jobs, read_settings

    settings = read_settings(data)
    with open_jobs(settings) as desk, audited(settings, "retry_job", desk.get(id).pool, job=id):
        desk.retry(id)
    progress().print(f"Queued {id} again.")


@app.command()
def log(id: Id, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Write what a job said, of all its attempts.

    \b
    Examples:
      invariantselect jobs log 0192f3a4b5c60123456789ab
    """
    from service.cli.terminal import print_json, printable, results
    from service.cli.workplace import open_jobs, read_settings

    lines: list[JobEvent] = []
    with open_jobs(read_settings(data)) as desk:
        while found := desk.events(id, after=lines[-1].number if lines else 0, event="log"):
            lines += found
    if as_json:
        print_json({"lines": [line.model_dump(mode="json") for line in lines]})
        return
    for line in lines:
        results().print(f"{line.at:%Y-%m-%d %H:%M:%S}  {line.attempt}  {printable(line.text)}")


def _how_far(job: Job) -> str | None:
    now = job.progress
    if now is None:
        return None
    return now.phase if now.done is None else f"{now.phase} {now.done}/{'?' if now.total is None else now.total}"


def tell_end(job: Job, *, quiet: bool = False) -> None:
    """Write what came of a job.

    Args:
        job: Which has ended.
        quiet: Whether only a bad end is told.

    Raises:
        InvariantSelectError: It failed or was cancelled.
    """
    from service.cli.job_progress import failure_of
    from service.cli.terminal import printable, results

    failure = failure_of(job)
    if failure is not None:
        raise failure
    if quiet:
        return
    if job.kind == "adapt":
        from service.cli.adaptation_tables import print_adaptation

        print_adaptation(job)
        return
    if job.kind == "evaluate":
        from invariantselect.wire.evaluation import EvaluationResult
        from service.cli.evaluation_tables import print_evaluation

        print_evaluation(EvaluationResult.model_validate(job.result))
        return
    told = ", ".join(f"{name} {value}" for name, value in (job.result or {}).items() if not isinstance(value, list))
    results().print(printable(f"{job.kind} of {job.pool}: {told}"))
