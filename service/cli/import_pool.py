"""``invariantselect import``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption
from service.cli.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from collections.abc import Callable

    from encoders.encoder import Encoder
    from service.settings import Settings

__all__ = ["import_"]


def import_(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that 'export' wrote.")],
    pool: PoolOption,
    trust_encoder: Annotated[
        str | None, typer.Option("--trust-encoder", metavar="NAME", help="Load this encoder if the export names it.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a pool from an export, nothing lost.

    Its vectors are used as they are where the encoder's fingerprint agrees; else the images are encoded again. An
    export may come from anybody, and an encoder's name may be a path: one that is neither built in nor in
    INVARIANTSELECT_ENCODERS is loaded only if you name it too.

    \b
    Examples:
      invariantselect import pets-export/ --pool pets
    """
    from index.sources.export import ExportSource
    from index.transfer import import_pool
    from service.cli.audited import audited
    from service.cli.ingest import counts_of, print_report, report_as_json
    from service.cli.intake_progress import LOADING, intake_bar
    from service.cli.terminal import print_json
    from service.cli.workplace import decode_limits, open_pools, read_settings

    settings = read_settings(data)
    limits, load = decode_limits(settings), _trusted_loader(settings, trust_encoder)
    ExportSource(directory, max_bytes=limits.max_bytes)  # a slip in its name makes no data directory
    with (
        open_pools(settings, make=True) as pools,
        audited(settings, "import_pool", pool) as record,
        intake_bar(f"Importing {directory.name}", LOADING) as show,
    ):
        report = import_pool(pools, directory, pool, load, limits=limits, progress=show)
        record.tell(**counts_of(report))
    if as_json:
        print_json(report_as_json(pool, report))
    else:
        print_report(pool, report)
    raise typer.Exit(FAILED if report.failed else DONE)


def _trusted_loader(settings: Settings, trusted: str | None) -> Callable[[str], Encoder]:
    from encoders.catalog import known_encoders
    from invariantselect.errors import EncoderNotFoundError
    from service.cli.workplace import load_encoder

    def load(name: str) -> Encoder:
        if name not in {*known_encoders(settings.data / "encoders"), *settings.allowed_encoders, trusted}:
            raise EncoderNotFoundError(
                f"the export was made with the encoder {name}, which is not built in",
                hint="If you trust it, give the same name with --trust-encoder.",
            )
        return load_encoder(settings, name)

    return load
