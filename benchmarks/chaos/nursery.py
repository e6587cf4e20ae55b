"""A process that has imported everything and forks servers and workers off: one starts in milliseconds, not in seconds.

Reads one JSON order a line and answers with one: ``{"do": "start", "what": "api", "environment": {…}, "log": "…",
"mine": ["before commit", 3]}`` gives ``{"pid": …}``; ``{"do": "end", "pid": …, "signal": 9}`` gives ``{"status": …}``
when the process is gone; ``{"do": "look", "pid": …}`` gives its status, null while it runs. When its standard input
ends it kills what it started. It starts no thread itself, so that forking is safe. Its argument is the encoder that is
served.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["main"]


def main() -> None:
    """Import, say so, and obey."""
    _import_everything(sys.argv[1])
    _say(ready=True)
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            pid = os.fork()
            if pid == 0:
                _become(order)
            children.add(pid)
            _say(pid=pid)
        else:
            _say(status=_status(children, order))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _status(children: set[int], order: dict[str, Any]) -> int | None:
    pid = order["pid"]
    if pid not in children:
        return 0
    if order["do"] == "end":
        os.kill(pid, order["signal"])
    done, status = os.waitpid(pid, 0 if order["do"] == "end" else os.WNOHANG)
    if done == 0:
        return None
    children.discard(pid)
    return status


def _import_everything(encoder: str) -> None:
    import onnxruntime  # noqa: F401
    import uvicorn  # noqa: F401

    import encoders.adaptation.adapt
    import encoders.catalog
    import service.app
    import service.cli.serve
    import service.cli.worker
    import service.jobs.embedded
    import service.jobs.worker  # noqa: F401
    from encoders.adaptation import step_count

    step_count._FEWEST = step_count._MOST = 4  # a head that has hardly learnt is as good to be killed over
    encoders.catalog.load_encoder(encoder, device="cpu")  # brings further libraries, which takes seconds


def _become(order: dict[str, Any]) -> NoReturn:
    """What was forked off: a server or a worker, by the functions behind the command line."""
    try:
        _settle_in(order)
        data = Path(order["environment"]["INVARIANTSELECT_DATA"])
        if order["what"] == "api":
            from service.cli.serve import serve

            serve(data=data)
        else:
            from service.cli.worker import worker

            worker(data=data)
    except BaseException:  # noqa: BLE001 -- whatever it is belongs into the log of this process
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _settle_in(order: dict[str, Any]) -> None:
    for name in [name for name in os.environ if name.startswith("INVARIANTSELECT_")]:
        del os.environ[name]
    os.environ.update(order["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if order.get("mine"):
        from tests.dying import die_at
        from tests.index.kill_driver import CALLS

        where, nth = order["mine"]
        die_at(CALLS, where, nth)


def _say(**words: object) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


if __name__ == "__main__":
    main()
