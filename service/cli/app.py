"""The commands and their names."""

from __future__ import annotations

import typer

from service.cli import (
    adapt,
    audit,
    backup,
    demo,
    demonstrations,
    doctor,
    encoder_versions,
    evaluate,
    export_pool,
    import_pool,
    ingest,
    jobs,
    keys,
    pools,
    quantise,
    rebuild,
    select,
    serve,
    shift,
    version,
    worker,
)

__all__ = ["app"]

app = typer.Typer(
    name="invariantselect",
    help="Choose the demonstrations that a large multimodal model is shown in its prompt.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: it is ready three times as fast, and examples keep their lines and brackets
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

app.command("ingest", short_help="Take labelled images into a pool.")(ingest.ingest)
app.command("select", short_help="Choose demonstrations for a query image.")(select.select)
app.command("shift", short_help="Tell how far new images lie from a pool.")(shift.shift)
app.command("adapt", short_help="Adapt a pool's encoder to the pool.")(adapt.adapt)
app.command("encoders", short_help="List a pool's encoder versions.")(encoder_versions.encoders)
app.command("rollback", short_help="Go back to an earlier encoder version.")(encoder_versions.rollback)
app.command("discard", short_help="Remove an encoder version that doesn't serve.")(encoder_versions.discard)
app.command("quantise", short_help="Make an int8 encoder, and measure its cost.")(quantise.quantise)
app.command("evaluate", short_help="Evaluate the selection on a pool.")(evaluate.evaluate)
app.add_typer(pools.app, name="pools", short_help="List the pools, show one, drop one.")
app.add_typer(demonstrations.app, name="demonstrations", short_help="List, get, relabel and delete.")
app.command("export", short_help="Write a pool to a directory.")(export_pool.export)
app.command("import", short_help="Make a pool from an export.")(import_pool.import_)
app.command("serve", short_help="Serve the pools over HTTP.")(serve.serve)
app.add_typer(jobs.app, name="jobs", short_help="List, follow, cancel and retry jobs.")
app.command("rebuild", short_help="Make all vectors of a pool anew.")(rebuild.rebuild)
app.command("worker", short_help="Do jobs, beside a server or without one.")(worker.worker)
app.add_typer(keys.app, name="keys", short_help="Make, list, rotate and revoke API keys.")
app.command("audit", short_help="Tell who changed what.")(audit.audit)
app.command("backup", short_help="Copy the data directory while it is used.")(backup.backup)
app.command("restore", short_help="Make a data directory of a backup.")(backup.restore)
app.command("doctor", short_help="Check this machine and the data directory.")(doctor.doctor)
app.command("demo", short_help="Build a small pool from real images and try it.")(demo.demo)
app.command("version", short_help="Tell the versions.")(version.version)
