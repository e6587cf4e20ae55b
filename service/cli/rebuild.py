"""``invariantselect rebuild``"""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

__all__ = ["rebuild"]


def rebuild(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Name of the pool.")],
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker, and only tell the job's id.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make all vectors of a pool anew from its images, as a job that is done here and now.

    The pool can be searched and written meanwhile. Ctrl-C cancels the job; 'jobs retry' goes on where it was.

    \b
    Examples:
      invariantselect rebuild pets
      invariantselect rebuild pets --queue
    """
    from invariantselect.wire.jobs import RebuildRequest
    from service.cli.job_here import do_here
    from service.cli.jobs import tell_end
    from service.cli.terminal import print_json, results
    from service.cli.workplace import open_jobs, open_pools, read_settings

    settings = read_settings(data)
    with open_pools(settings) as pools:
        encoder = pools.open(pool).encoder
    if queue:
        with open_jobs(settings) as desk:
            results().print(desk.submit("rebuild", RebuildRequest(), pool=pool).id)
        return
    job = do_here(settings, "rebuild", RebuildRequest(), pool, encoder=encoder)
    if as_json:
        print_json(job.model_dump(mode="json"))
    tell_end(job, quiet=as_json)
