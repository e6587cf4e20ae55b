"""Processes that start in milliseconds: forked from one that has imported what they need and done nothing since.

`ForkedProcess` is a `subprocess.Popen` of ``python -m …`` or ``python -c …`` in all that a test can do with it: it is a
child of the test's process, has its own environment and folder, is killed, waited for and read from as any other.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import types
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["SERVICE", "ForkedProcess"]

ROOT = Path(__file__).parents[1]
SERVICE = ("service.cli", "service.cli.app", "service.app", "service.jobs.worker", "service.jobs.kinds", "index.intake")
"""What a server, a worker or a command imports."""

_NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OMP_NUM_THREADS": "1"}
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


class ForkedProcess(subprocess.Popen[Any]):
    """As `subprocess.Popen`, of a list that begins with `sys.executable`."""

    def _execute_child(self, args: list[str], *given: Any) -> None:
        # In the order of subprocess.py: executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo,
        # creationflags, shell, then the ends of the three pipes, the child's and ours.
        _, _, _, _, cwd, env, _, _, _, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = given[:15]
        assert args[0] == sys.executable
        folder = os.fspath(cwd or Path.cwd())
        order = {"command": args[1:], "cwd": folder, "env": dict(os.environ if env is None else env)}
        files = [standard if file == -1 else file for standard, file in enumerate((p2cread, c2pwrite, errwrite))]
        self.pid = _nursery(SERVICE).fork(order, files)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


class _Nursery:
    """The process that they are forked from."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join([str(ROOT), str(ROOT / "client")])
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked_process", str(theirs.fileno()), *modules],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path, **_NO_THREADS},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def fork(self, order: dict[str, Any], files: list[int]) -> int:
        """Its number. A child of ours: its parent ends at once, and we inherit it."""
        control = ctypes.CDLL(None, use_errno=True).prctl
        control(_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._orders, [json.dumps(order).encode()], files)
            return int(self._orders.recv(64))
        finally:
            control(_SUBREAPER, 0, 0, 0, 0)

    def _close(self) -> None:
        self._orders.close()
        self._process.wait()


@cache
def _nursery(modules: tuple[str, ...]) -> _Nursery:
    return _Nursery(modules)


def _next_order(orders: socket.socket) -> dict[str, Any]:
    """Returns in each new process, with what it is to do. The nursery itself ends here."""
    while True:
        said, files, _, _ = socket.recv_fds(orders, 1 << 20, 3)
        if not said:
            os._exit(0)
        threads = list(Path("/proc/self/task").iterdir())
        assert len(threads) == 1, "a thread was started: it would be missing in each fork"
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            born = os.fork()
            if born == 0:
                orders.close()
                os.close(reading)
                os.close(writing)
                for standard, file in enumerate(files):
                    os.dup2(file, standard)
                    os.close(file)
                found: dict[str, Any] = json.loads(said)
                return found
            os.write(writing, str(born).encode())
            os._exit(0)
        number = os.read(reading, 64)
        os.waitpid(between, 0)  # only now the other one is a child of whom it was made for
        orders.send(number)
        for file in (*files, reading, writing):
            os.close(file)


def _run(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    random.seed()
    if os.environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    how, what, *arguments = order["command"]
    sys.argv = [how, *arguments]
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        assert how == "-c"
        sys.modules["__main__"] = module = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), module.__dict__)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in sys.argv[2:]:
        import_module(name)
    _run(_next_order(socket.socket(fileno=int(sys.argv[1]))))
