"""A data directory, what a server would do with its jobs, and worker processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from invariantselect.wire.jobs import Job
from service.services import Services
from service.settings import Settings
from tests.forked_process import ForkedProcess
from tests.service.jobs.kinds import Steps

__all__ = ["PATIENCE", "Place", "wait_until"]

ROOT = Path(__file__).parents[3]
PATIENCE = 60


def wait_until(condition: Callable[[], object]) -> None:
    """Look again and again, and fail after a minute."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen"
        time.sleep(0.02)


class Place:
    """Where jobs are handed in and done.

    Args:
        settings: Of server and workers alike.
        services: Of the server.
        folder: For what the jobs leave behind.
    """

    def __init__(self, settings: Settings, services: Services, folder: Path) -> None:
        self.settings = settings
        self.services = services
        self.folder = folder
        self.jobs = services.jobs
        self.effects = folder / "effects"
        self.gate = folder / "gate"
        self._workers: list[ForkedProcess] = []

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self.services.close()

    def worker(self, seconds_an_image: float = 0) -> ForkedProcess:
        """A new worker process."""
        told = {
            f"INVARIANTSELECT_{name.upper()}": str(value)
            for name, value in self.settings.model_dump(exclude_unset=True).items()
            if value is not None
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INVARIANTSELECT_")}
        environment = {**kept, **told, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}
        log = (self.folder / f"worker-{len(self._workers)}.log").open("wb")
        with log:
            command = [sys.executable, "-m", "tests.service.jobs.worker_process", str(seconds_an_image)]
            self._workers.append(ForkedProcess(command, env=environment, cwd=ROOT, stderr=log))
        return self._workers[-1]

    def steps(self, **fields: int) -> Job:
        """Hand in a job that waits at the gate after five of ten steps."""
        return self.jobs.submit("steps", Steps(file=self.effects, gate_file=self.gate, **fields))

    def lines(self) -> list[str]:
        """What jobs have left behind."""
        return self.effects.read_text().split() if self.effects.exists() else []

    def log(self, worker: int = 0) -> str:
        """What a worker has written."""
        return (self.folder / f"worker-{worker}.log").read_text()

    def wait_for(self, id: str, state: str = "succeeded") -> Job:
        """The job when it is in a state; it must not end in another."""
        wait_until(lambda: self.jobs.get(id).state == state or self.jobs.get(id).finished)
        job = self.jobs.get(id)
        assert job.state == state, job
        return job

    def wait_for_gate(self, id: str, lines: int = 5) -> Job:
        """The job when it stands before the gate, and so many lines are there."""
        wait_until(lambda: len(self.lines()) == lines and self.jobs.get(id).state == "running")
        return self.jobs.get(id)

    def open_gate(self) -> None:
        """Let jobs go on."""
        self.gate.touch()
