"""`torchrun` starts ``adapt`` twice: one does the job, the other helps, and both end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from index.pools import Pools
from service.cli.app import app
from service.cli.exit_codes import run
from tests.service.shifted import draw_folder, save_tiny_encoder

ROOT = Path(__file__).parents[3]
PATIENCE = 240
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a data directory with a small pool, whose encoder can be trained in seconds."""
    monkeypatch.setenv("INVARIANTSELECT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("INVARIANTSELECT_DEVICE", "cpu")
    monkeypatch.setenv("INVARIANTSELECT_RUNTIME", "torch")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "client")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    encoder = save_tiny_encoder(tmp_path / "tiny")
    folder = draw_folder(tmp_path / "images", each=3)
    assert run(app, ["ingest", str(folder), "--pool", "shapes", "--encoder", encoder]) == 0
    return dict(os.environ)


def adapt(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *TORCHRUN, "-m", "tests.service.cli.with_few_steps", "adapt", "--pool", "shapes"]
    return subprocess.run(
        [*command, *options], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_two_processes_adapt_a_pool(environment: dict[str, str], tmp_path: Path) -> None:
    ended = adapt(environment, "--depth", "finetune", "--force", "--json")
    assert ended.returncode == 0, ended.stderr
    job = json.loads(ended.stdout)  # of one process: two answers would be no JSON
    assert (job["state"], job["attempt"], job["result"]["switched"]) == ("succeeded", 1, True)
    assert job["result"]["winner"].startswith("finetune")
    with Pools(tmp_path / "data") as pools:
        serving = pools.open("shapes").serving()
    assert serving is not None
    assert serving.number == 2


def test_both_end_where_the_job_fails(environment: dict[str, str]) -> None:
    ended = adapt(environment, "--depth", "finetune", "--budget", "0.01s")
    assert ended.returncode == 1
    assert "too short to fine-tune" in ended.stderr
