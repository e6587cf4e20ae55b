"""The commands and their names."""

from __future__ import annotations

import typer

from service.cli import (
    demo,
    demonstrations,
    doctor,
    export_pool,
    import_pool,
    ingest,
    keys,
    pools,
    select,
    serve,
    version,
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

app.command("ingest")(ingest.ingest)
app.command("select")(select.select)
app.add_typer(pools.app, name="pools")
app.add_typer(demonstrations.app, name="demonstrations")
app.command("export")(export_pool.export)
app.command("import")(import_pool.import_)
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("version")(version.version)
