"""``invariantselect serve``"""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, Data

__all__ = ["serve"]


def serve(
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. Default: 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on. Default: 8000.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Serve the pools over HTTP.

    Every setting is an environment variable INVARIANTSELECT_…; the options here win over them. An address other
    machines can reach is refused while API keys are switched off.

    \b
    Examples:
      invariantselect serve
      invariantselect serve --data demo-data --port 9000
      INVARIANTSELECT_AUTH=on invariantselect serve --host 0.0.0.0
    """
