"""Starts a program as `torchrun` would, two processes over Gloo: without its agent, which takes seconds to begin."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from torch.distributed import TCPStore

ROOT = Path(__file__).parents[3]
PATIENCE = 180.0  # seconds: a machine may be crowded


@contextmanager
def started(program: str, *arguments: object) -> Iterator[list[subprocess.Popen[str]]]:
    """Both processes; killed at the end if they still run. The store is kept here, as the agent would."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=PATIENCE))
    path = os.pathsep.join([str(ROOT), str(ROOT / "client")])
    environment = {**os.environ, "PYTHONPATH": path, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    command = [sys.executable, "-m", program, *map(str, arguments)]
    processes = [
        subprocess.Popen(
            command, env={**environment, "RANK": rank, "LOCAL_RANK": rank}, cwd=ROOT, text=True, stderr=subprocess.PIPE
        )
        for rank in ("0", "1")
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """How each ended, and what it wrote to stderr. Fails where one doesn't end in time."""
    deadline = time.monotonic() + PATIENCE
    told = [process.communicate(timeout=max(1.0, deadline - time.monotonic()))[1] for process in processes]
    return [(process.returncode, said) for process, said in zip(processes, told, strict=True)]
