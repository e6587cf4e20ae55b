"""``invariantselect rebuild``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from invariantselect.wire.jobs import RebuildRequest

__all__ = ["rebuild"]


def rebuild(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Name of the pool.")],
    *,
    recall: Annotated[
        str,
        typer.Option("--recall", metavar="SHARE", help="Of the nearest that searches have to find: exact, or 0.95."),
    ] = "exact",
    keep_vectors: Annotated[
        bool, typer.Option("--keep-vectors", help="Keep the vectors that there are, and encode nothing.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker, and only tell the job's id.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make all vectors of a pool anew from its images, as a job that is done here and now.

    With --recall, a large pool gets an approximate index, if one finds that share of the nearest sooner than an exact
    search does; 'pools show' tells what it got. The pool can be searched and written meanwhile. Ctrl-C cancels the job;
    'jobs retry' goes on where it was.

    \b
    Examples:
      invariantselect rebuild pets
      invariantselect rebuild pets --recall 0.95 --keep-vectors
      invariantselect rebuild pets --queue
    """
    from service.cli.job_here import do_here, leave
    from service.cli.jobs import tell_end
    from service.cli.terminal import print_json
    from service.cli.workplace import open_pools, read_settings

    request = _request(recall, keep_vectors=keep_vectors)
    settings = read_settings(data)
    if queue:
        leave(settings, "rebuild", request, pool, as_json=as_json)
        return
    with open_pools(settings) as pools:
        encoder = pools.open(pool).encoder
    job = do_here(settings, "rebuild", request, pool, encoder=encoder)
    if as_json:
        print_json(job.model_dump(mode="json"))
    tell_end(job, quiet=as_json)


def _request(recall: str, *, keep_vectors: bool) -> RebuildRequest:
    from invariantselect.checking import checked
    from invariantselect.wire.jobs import RebuildRequest

    try:
        share = None if recall == "exact" else float(recall)
    except ValueError:
        raise typer.BadParameter(f"{recall!r} is neither 'exact' nor a number", param_hint="--recall") from None
    return checked(RebuildRequest, recall=share, keep_vectors=keep_vectors)
