"""``invariantselect ingest``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data, PoolOption
from service.cli.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from index.intake import IntakeReport

__all__ = ["counts_of", "ingest", "print_report", "report_as_json"]

_SHOWN = 100
"""Of what was not taken in, in a table; half an archive may be missing."""


def ingest(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A folder, a manifest, an export or a dataset.")],
    pool: PoolOption,
    *,
    encoder: Annotated[
        str | None, typer.Option("--encoder", metavar="NAME", help="Encoder of a new pool; that of an old one stays.")
    ] = None,
    format: Annotated[
        Literal["auto", "camelyon17", "ham10000", "domainbed"],
        typer.Option("--format", help="Published data set that SOURCE is; auto recognises it."),
    ] = "auto",
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Only N images, drawn evenly over domains and classes."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw of --sample.")] = 0,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Take labelled images into a pool, and make the pool if it is new.

    SOURCE is a folder of FOLDER/<domain>/<class>/<image>; a .csv, .jsonl or .parquet manifest with the columns image
    and label and optionally id, domain, group and split (any other column becomes metadata); an export of a pool;
    Camelyon17 of WILDS, HAM10000 or a set of DomainBed as they were published; or a Hugging Face dataset saved on disk.

    What is in the pool already is neither encoded again nor doubled, so that an interrupted run is continued by the
    same command. An image that can't be taken is named with its reason, the others go in, and the exit code is 1.

    \b
    Examples:
      invariantselect ingest photos/ --pool pets
      invariantselect ingest lesions.csv --pool skin --encoder open_clip:ViT-B-32/laion2b_s34b_b79k
      invariantselect ingest photos/ --pool pets --json > report.json
      invariantselect ingest camelyon17_v1.0/ --pool lymph --sample 20000
    """
    from index.sources import open_source
    from index.sources.sampled import SampledSource
    from service.cli.audited import audited
    from service.cli.intake_progress import take_in_with_progress
    from service.cli.terminal import print_json
    from service.cli.workplace import decode_limits, read_settings

    settings = read_settings(data)
    records = open_source(source, limits=decode_limits(settings), format=format)
    if sample is not None:
        records = SampledSource(records, size=sample, seed=seed)
    with audited(settings, "ingest", pool, make=True) as record:
        report = take_in_with_progress(settings, records, pool, encoder, called=source.name)
        record.tell(**counts_of(report))
    if as_json:
        print_json(report_as_json(pool, report))
    else:
        print_report(pool, report)
    raise typer.Exit(FAILED if report.failed else DONE)


def counts_of(report: IntakeReport) -> dict[str, int]:
    """How many demonstrations came to which end."""
    return {
        "created": report.created,
        "replaced": report.replaced,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "failed": len(report.failed),
    }


def report_as_json(pool: str, report: IntakeReport) -> dict[str, object]:
    """An intake as JSON: counts by outcome, each failure with its problem document, and what was left aside."""
    return {
        "pool": pool,
        "created": report.created,
        "replaced": report.replaced,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "encoded": report.encoded,
        "seconds": round(report.seconds, 3),
        "failed": [{"where": where, "error": error.to_problem()} for where, error in report.failed],
        "ignored": [{"where": each.where, "reason": each.reason} for each in report.ignored],
    }


def print_report(pool: str, report: IntakeReport) -> None:
    """What went in, in one line; what didn't, by name; on stderr what the source left aside on purpose."""
    from service.cli.terminal import print_table, printable, progress, results

    counts = [
        f"{count} {name}"
        for name in ("created", "replaced", "updated", "unchanged")
        if (count := getattr(report, name)) or name == "created"
    ]
    results().print(f"{pool}: {', '.join(counts)}, {len(report.failed)} failed, in {report.seconds:.1f} s")
    if report.failed:
        results().print()
        print_table(["not taken", "reason"], [(where, error.detail) for where, error in report.failed[:_SHOWN]])
        if len(report.failed) > _SHOWN:
            results().print(f"… and {len(report.failed) - _SHOWN} more; --json names all of them.")
    for each in report.ignored:
        progress().print(f"left aside: {printable(each.where)} ({printable(each.reason)})", style="dim")
