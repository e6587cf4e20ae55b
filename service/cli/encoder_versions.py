"""``invariantselect encoders``, ``invariantselect rollback`` and ``invariantselect discard``"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption, Yes
from service.cli.confirm import confirm

if TYPE_CHECKING:
    from index.encoder_version import EncoderVersion
    from invariantselect.wire.adaptation import EncoderVersionList

__all__ = ["discard", "encoders", "rollback"]


def encoders(pool: PoolOption, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the encoder versions of a pool: what they are, how they were validated, which one serves.

    \b
    Examples:
      invariantselect encoders --pool pets
      invariantselect encoders --pool pets --json
    """
    from service.cli.workplace import open_pools, read_settings
    from service.pool_info import version_list

    with open_pools(read_settings(data)) as pools:
        _show(version_list(pools.open(pool)), as_json=as_json)


def rollback(
    pool: PoolOption,
    to: Annotated[
        int | None,
        typer.Option("--to", min=1, metavar="N", help="Version to go to; 1 is the encoder the pool was made with."),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Let an earlier encoder version serve again: the newest before the serving one that served, or the one named.

    The pool can be searched and written meanwhile.

    \b
    Examples:
      invariantselect rollback --pool pets
      invariantselect rollback --pool pets --to 1
    """
    from index.recoding import Recode, recode_by
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import decode_limits, load_encoder, open_pools, read_settings
    from service.embedding.encoder_shelf import check_fingerprint
    from service.pool_info import version_list
    from service.rollback import roll_back

    settings = read_settings(data)
    with open_pools(settings) as pools:
        opened = pools.open(pool)

        def recode(version: EncoderVersion) -> Recode:
            encoder = load_encoder(settings, version.encoder)
            check_fingerprint(version.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {version.encoder}")
            return recode_by(encoder, opened.fingerprint, decode_limits(settings))

        with audited(settings, "roll_back", pool) as record:
            number = roll_back(opened, recode, to)
            record.tell(version=number)
        listed = version_list(opened)
    frozen = "no adapted version serves any more" if number == 1 else f"version {number} serves"
    progress().print(f"{pool}: {frozen}.")
    _show(listed, as_json=as_json)


def discard(
    pool: PoolOption,
    version: Annotated[int, typer.Option("--version", min=1, metavar="N", help="Version to remove.")],
    data: Data = DEFAULT_DATA,
    yes: Yes = False,
) -> None:
    """Remove an encoder version that doesn't serve: what it learnt, and its vectors, which may be gigabytes.

    \b
    Examples:
      invariantselect discard --pool pets --version 2
    """
    from service.cli.audited import audited
    from service.cli.terminal import progress
    from service.cli.workplace import open_pools, read_settings
    from service.discard import check_may_be_discarded, discard

    settings = read_settings(data)
    with open_pools(settings) as pools:
        opened = pools.open(pool)
        check_may_be_discarded(opened, version)
        if not yes:
            confirm(f"Remove the encoder version {version} of the pool {pool} in {data} with its vectors?")
        with audited(settings, "discard_encoder_version", pool) as record:
            discard(opened, version, settings.data / "encoders")
            record.tell(version=version)
    progress().print(f"Discarded version {version} of {pool}.")


def _show(listed: EncoderVersionList, *, as_json: bool) -> None:
    from service.cli.terminal import print_json, print_table

    if as_json:
        print_json(listed.model_dump(mode="json"))
        return
    columns = ["version", "state", "depth", "score", "frozen", "domains", "dimensions", "made (UTC)"]
    rows = [
        (
            version.number,
            version.state,
            version.lineage.get("depth"),
            _figure(version.lineage, "score"),
            _figure(version.lineage, "frozen_score"),
            "centred" if version.looks_at_domains else None,
            version.dim,
            f"{version.created_at:%Y-%m-%d %H:%M}",
        )
        for version in listed.versions
    ]
    print_table(columns, rows, right=["version", "score", "frozen", "dimensions"])


def _figure(lineage: Mapping[str, Any], name: str) -> str | None:
    metrics = lineage.get("metrics")
    value = metrics.get(name) if isinstance(metrics, Mapping) else None
    return f"{value:.3f}" if isinstance(value, (int, float)) else None
