"""``invariantselect backup`` and ``invariantselect restore``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from index.backup.listing import Listing

__all__ = ["backup", "restore"]


def backup(
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="New directory, or new file NAME.tar.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Copy the data directory as of one moment, while a server uses it.

    Pools, images, vectors, encoders, reports, keys and jobs; not the checkpoints of jobs, and no cache. Queries go on,
    writes wait for a moment. Whatever was acknowledged before is in it. Every file is checked on the way: what is
    damaged is named, and no backup is made.

    \b
    Examples:
      invariantselect backup --out /backups/2026-11-27
      invariantselect backup --out /backups/2026-11-27.tar --data demo-data
    """
    from index.backup.making import back_up
    from service.cli.terminal import print_json, results
    from service.cli.workplace import read_settings
    from service.code_version import code_version

    settings = read_settings(data)
    made = back_up(data, out, code_version=code_version(), images_url=settings.images_url)
    if as_json:
        print_json({"out": str(out), **_about(made)})
    else:
        results().print(f"{out}: {_told(made)}", markup=False)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="What 'backup' wrote.")],
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="New data directory; absent or empty.")],
    as_json: AsJson = False,
) -> None:
    """Make a data directory of a backup.

    Every checksum is compared before anything is put in place, and a directory that holds something is never touched.
    Jobs that hadn't ended are cancelled in the copy; 'invariantselect jobs retry' begins one anew. A backup is as
    trustworthy as whoever made it: keys and encoders come with it.

    \b
    Examples:
      invariantselect restore /backups/2026-11-27.tar --data restored
    """
    from index.backup.restoring import restore as restore_to
    from service.cli.terminal import print_json, results
    from service.jobs.unfinished import cancel_unfinished
    from service.store import open_store

    cancelled = 0

    def settle(aside: Path) -> None:
        nonlocal cancelled
        store = open_store(aside)
        cancelled = cancel_unfinished(store)
        store.close()

    listing = restore_to(source, data, settle=settle)
    if as_json:
        print_json({"data": str(data), **_about(listing), "jobs_cancelled": cancelled})
    else:
        results().print(f"{data}: {_told(listing)}", markup=False)
        results().print(f"{cancelled} jobs hadn't ended and are cancelled. 'invariantselect doctor' looks at the rest.")


def _about(listing: Listing) -> dict[str, object]:
    size = sum(file.bytes for file in listing.files)
    return {"created_at": listing.created_at.isoformat(), "files": len(listing.files), "bytes": size}


def _told(listing: Listing) -> str:
    size = sum(file.bytes for file in listing.files)
    return f"{len(listing.files)} files, {size / 1e6:.1f} MB, as of {listing.created_at:%Y-%m-%d %H:%M:%S} UTC"
