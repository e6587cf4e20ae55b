"""``rebuild`` and ``jobs``, without a server or a worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invariantselect.errors import CatalogUnavailableError
from invariantselect.wire.jobs import RebuildRequest
from service.cli import job_progress
from service.jobs.claims import Claim
from service.jobs.desk import open_desk
from service.settings import Settings
from tests.service.cli.conftest import CommandLine


def test_a_rebuild_is_done_here_and_now(cli: CommandLine, pets: str) -> None:
    ended = cli("rebuild", pets)
    assert (ended.code, ended.out) == (0, "rebuild of pets: images 12, encoded 12, snapshot 3\n")
    told = cli("rebuild", pets, "--json")
    assert (told.json["state"], told.json["result"]["images"]) == ("succeeded", 12)
    assert cli("select", "id:photo/cat/0.png", "--pool", pets, "-k", 1).code == 0


def test_a_rebuild_for_a_recall_says_what_the_pool_got(cli: CommandLine, pets: str) -> None:
    ended = cli("rebuild", pets, "--recall", "0.95", "--keep-vectors")
    assert (ended.code, ended.out) == (0, "rebuild of pets: images 0, encoded 0, snapshot 3, search flat\n")
    assert "version 1: 12 vectors, exact: 12 vectors, and other kinds are tried from" in cli("pools", "show", pets).out
    for wrong in ("most", "1.5", "0"):
        assert cli("rebuild", pets, "--recall", wrong).code != 0


def test_a_rebuild_uses_the_encoder_that_the_pool_has(cli: CommandLine, folder: Path) -> None:
    assert cli("ingest", folder, "--pool", "other", "--encoder", "pixel-16-5").code == 0
    assert cli("rebuild", "other").code == 0


def test_a_rebuild_that_fails_says_why(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    for blob in (tmp_path / "data" / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    ended = cli("rebuild", pets)
    assert (ended.code, ended.out) == (1, "")
    assert "is lost" in ended.err
    assert cli("rebuild", "nobody").code == 1
    [job] = cli("jobs", "list", "--json", "--state", "failed").json["jobs"]
    assert job["error"]["code"] == "store_corrupt"


def test_a_rebuild_is_left_to_a_worker(cli: CommandLine, pets: str) -> None:
    id = cli("rebuild", pets, "--queue").out.strip()
    assert cli("jobs", "show", id).json["state"] == "queued"
    assert cli("rebuild", pets, "--queue", "--json").json["state"] == "queued"
    listed = cli("jobs", "list", "--pool", pets, "--kind", "rebuild").out
    assert id in listed
    assert "queued" in listed
    assert cli("jobs", "retry", id).code == 1
    assert cli("jobs", "cancel", id).err == f"Cancelled {id}.\n"
    followed = cli("jobs", "follow", id)
    assert (followed.code, "was cancelled" in followed.err) == (1, True)
    assert cli("jobs", "retry", id).code == 0
    assert cli("jobs", "show", id).json["state"] == "queued"


def test_a_job_is_followed_to_its_end_and_its_log_read(cli: CommandLine, pets: str) -> None:
    id = cli("rebuild", pets, "--json").json["id"]
    assert cli("jobs", "follow", id).out.startswith("rebuild of pets: images 12")
    events = [json.loads(line) for line in cli("jobs", "follow", id, "--json").out.splitlines()]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["state"] == "succeeded"
    assert "12 images, 12 of them encoded" in cli("jobs", "log", id).out
    assert len(cli("jobs", "log", id, "--json").json["lines"]) == 1


def test_ctrl_c_cancels_a_rebuild_that_is_done_here(
    cli: CommandLine, pets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job_progress, "show_until_done", interrupted)
    assert cli("rebuild", pets).code == 130
    [job] = cli("jobs", "list", "--json").json["jobs"]
    assert job["state"] in ("cancelled", "succeeded")  # it may have been quicker
    assert job["finished_at"]


def test_a_job_whose_end_can_t_be_written_down_is_not_waited_for(
    cli: CommandLine, pets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> bool:
        raise CatalogUnavailableError("the disk is full")

    monkeypatch.setattr(Claim, "succeed", refused)
    monkeypatch.setattr(Claim, "fail", refused)
    monkeypatch.setattr(Claim, "beat", refused)
    ended = cli("rebuild", pets)
    assert (ended.code, ended.out) == (1, "")
    assert "the disk is full" in ended.err
    [job] = cli("jobs", "list", "--json").json["jobs"]
    assert job["state"] == "running"  # and whoever finds it takes it over


def test_what_is_not_there_is_told(cli: CommandLine, tmp_path: Path) -> None:
    assert "no data directory" in cli("jobs", "list").err
    assert not (tmp_path / "data").exists()
    with open_desk(Settings(data=tmp_path / "data")) as desk:
        desk.submit("rebuild", RebuildRequest())
    for command in ("show", "follow", "cancel", "retry", "log"):
        ended = cli("jobs", command, "0" * 24)
        assert (ended.code, "there is no job" in ended.err) == (1, True)
