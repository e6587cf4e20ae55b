"""``invariantselect shift``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption
from service.cli.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from encoders.decode import DecodeLimits
    from service.settings import Settings
    from service.shift.shifting import BatchImage, BatchShift

__all__ = ["shift"]


def shift(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Image files, or folders of images.")],
    *,
    pool: PoolOption,
    accuracy: Annotated[
        float, typer.Option("--accuracy", min=0.0, max=1.0, help="Wanted of what is answered; sets the threshold.")
    ] = 0.8,
    k: Annotated[int, typer.Option("-k", "--k", min=1, max=100, help="How many nearest demonstrations vote.")] = 7,
    group_by_folder: Annotated[
        bool, typer.Option("--group-by-folder", help="Images of one folder are of one patient or slide.")
    ] = False,
    least: Annotated[int, typer.Option("--least", min=0, help="How many of the least familiar are listed.")] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all that is drawn.")] = 0,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with the pictures.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Tell how far a batch of new images lies from a pool, and which of them the pool knows too little about.

    The images need no labels. They are compared with the pool in the space of the encoder that it was made with: how
    near they come to each domain, whether they are of the same distribution, and from which agreement of the nearest
    demonstrations on their answer is likely to be right. docs/evaluation.md defines every figure.

    An image that can't be read is named and left out, and the exit code is 1. One that the pool has is left out too.

    \b
    Examples:
      invariantselect shift incoming/ --pool skin
      invariantselect shift scan-1.png scan-2.png --pool skin --accuracy 0.9 --json
      invariantselect shift patients/ --pool skin --group-by-folder --html shift.html
    """
    from service.cli.query_files import query_files
    from service.cli.shift_json import shift_as_json
    from service.cli.shift_tables import print_shift
    from service.cli.terminal import print_json, progress
    from service.cli.workplace import decode_limits, read_settings

    settings = read_settings(data)
    limits = decode_limits(settings)
    batch = query_files(images, max_bytes=limits.max_bytes, by_folder=group_by_folder)
    found = _compared(settings, pool, batch, accuracy=accuracy, k=k, seed=seed)
    if html is not None:
        html.write_text(_page(found, batch, least, limits), encoding="utf-8")
        progress().print(f"Wrote {html}.")
    if as_json:
        print_json(shift_as_json(found))
    else:
        print_shift(found, least=least)
    raise typer.Exit(FAILED if any(each.error is not None for each in found.left_out) else DONE)


def _compared(
    settings: Settings, name: str, batch: Sequence[BatchImage], *, accuracy: float, k: int, seed: int
) -> BatchShift:
    from service.cli.answering import pool_embedder
    from service.cli.intake_progress import LOADING, progress_bar
    from service.cli.workplace import open_pools
    from service.shift.shifting import shift_of

    with open_pools(settings) as pools, progress_bar() as bar:
        pool = pools.open(name)
        task = bar.add_task(LOADING, total=len(batch))

        def show(done: int) -> None:
            bar.update(task, completed=done, description="Encoding" if done < len(batch) else "Comparing")

        embedder = pool_embedder(settings, pool)
        bar.update(task, description="Encoding")
        return shift_of(pool, batch, embedder, accuracy=accuracy, k=k, seed=seed, progress=show)


def _page(found: BatchShift, batch: Sequence[BatchImage], least: int, limits: DecodeLimits) -> str:
    from contextlib import suppress

    from encoders.decode import decode
    from invariantselect.errors import InvariantSelectError
    from service.page import make_thumbnail, render_shift

    images = {image.name: image for image in batch}
    made = {}
    for place in found.least_familiar()[:least]:
        name = found.names[place]
        with suppress(InvariantSelectError):  # gone since it was encoded; the page shows a placeholder
            made[name] = make_thumbnail(decode(images[name].read(), limits))
    return render_shift(found, made, least=least)
