"""``invariantselect serve``"""

from __future__ import annotations

import socket
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, Data

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["serve"]

# Longer than clients and balancers keep theirs: who closes first may shut one that a request is on its way over.
_KEEP_ALIVE_SECONDS = 75
_OTHER_FILES = 1024  # segments, blobs, databases
_HURRIED_SECONDS = 2.0  # for threads that were told to end and have to notice


def serve(
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one. Default: 8000.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Serve the pools over HTTP.

    Ctrl-C or SIGTERM stops it: requests that run are answered, jobs go back into the queue. Twice stops it sooner.

    Every setting is an environment variable INVARIANTSELECT_…; the options here win over them. On an address that
    other machines can reach, API keys are asked for; 'invariantselect keys create' makes them.

    \b
    Examples:
      invariantselect serve
      invariantselect serve --data demo-data --port 9000
      invariantselect serve --host 0.0.0.0
    """
    from service.cli.terminal import progress
    from service.cli.workplace import read_settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = read_settings(data, **given)
    with _listen(settings.host, settings.port) as listener:
        from service.logs import configure_logs

        configure_logs(settings)
        _check_storage(settings)
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        keys = "API keys are asked for" if settings.asks_for_keys else "this machine only, no API keys"
        hint = f"Try {address}/docs (offline: /openapi.json); Ctrl-C stops."
        progress().print(f"Serving {settings.data} at {address} ({keys}). {hint}")
        _serve(settings, listener)


def _serve(settings: Settings, listener: socket.socket) -> None:
    import signal

    import uvicorn

    from service.app import create_app
    from service.http.graceful_server import GracefulServer
    from service.http.guarded_connection import guarded
    from service.http.last_threads import end_with_threads
    from service.jobs.embedded import EmbeddedWorker

    _allow_open_files(2 * settings.max_connections + _OTHER_FILES)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=guarded(settings.max_connections),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever is counted by address could give another one with each request
        timeout_graceful_shutdown=settings.shutdown_seconds,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    worker = EmbeddedWorker(settings) if settings.embedded_worker else None
    server = GracefulServer(
        config,
        app.state.closing,
        delay=settings.shutdown_delay_seconds,
        stop=(lambda: None) if worker is None else worker.stop,
        hurry=(lambda: None) if worker is None else worker.hurry,
    )
    with worker or nullcontext():
        server.run(sockets=[listener])
    end_with_threads(_HURRIED_SECONDS if len(server.signals) > 1 else settings.shutdown_seconds)
    if server.signals[:1] == [signal.SIGINT]:
        raise KeyboardInterrupt


def _allow_open_files(count: int) -> None:
    """Raise this process's own limit of open files as far as the system lets it: each connection is one."""
    try:
        import resource
    except ImportError:  # not on Windows, where sockets aren't counted so
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_storage(settings: Settings) -> None:
    """Open what is stored once: what is wrong with it is told as with any command, and not as a traceback of uvicorn.

    Raises:
        CatalogUnavailableError: The data directory, its database or its object store can't be opened.
        StoreCorruptError: The database is damaged.
    """
    from service.cli.workplace import open_pools
    from service.store import open_store

    open_store(settings.data, settings.database_url).close()
    open_pools(settings, make=True).close()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, bound before anything slow is loaded, so that a taken port is told at once."""
    from invariantselect.errors import InvalidRequestError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=2048)
    except OSError as error:
        raise InvalidRequestError(
            f"can't listen on {host} port {port}: {error.strerror}",
            hint="Choose another with --port or --host, or end what listens there.",
        ) from error
