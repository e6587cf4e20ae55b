"""``backup`` and ``restore``: what comes back passes `doctor`, answers as before, and begins no job by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from invariantselect.wire.jobs import RebuildRequest
from service.jobs.desk import open_desk
from service.settings import Settings
from tests.service.cli.conftest import CommandLine


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_what_is_restored_is_sound_and_answers_as_before(
    cli: CommandLine, pets: str, tmp_path: Path, name: str
) -> None:
    with open_desk(Settings(data=tmp_path / "data")) as desk:
        waiting = desk.submit("rebuild", RebuildRequest(), pool=pets, announce=False).id
    before = cli("select", "id:photo/cat/0.png", "--pool", pets, "--json").json
    made = cli("backup", "--out", tmp_path / name, "--json")
    assert made.code == 0
    restored = tmp_path / "restored"
    told = cli("restore", tmp_path / name, "--data", restored, "--json").json
    assert (told["jobs_cancelled"], told["files"]) == (1, made.json["files"])
    assert not list(tmp_path.glob("*.tmp"))

    doctor = cli("doctor", "--data", restored, "--json").json
    found = [check["found"] for check in doctor["checks"] if check["name"] == "pools"]
    assert found == [f"every file, vector and image is sound: {pets} (12)"]
    after = cli("select", "id:photo/cat/0.png", "--pool", pets, "--data", restored, "--json").json
    assert after["demonstrations"] == before["demonstrations"]
    with open_desk(Settings(data=restored)) as desk:
        job = desk.get(waiting)
        assert (job.state, job.worker) == ("cancelled", None)
        assert [event.state for event in desk.events(waiting)] == ["queued", "cancelled"]
        assert desk.retry(waiting).state == "queued"


def test_what_there_is_stays_and_what_is_missing_is_told(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    assert cli("backup", "--out", tmp_path / "backup").code == 0
    again = cli("backup", "--out", tmp_path / "backup")
    assert (again.code, "There is" in again.err or "there is" in again.err) == (1, True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*") if path.is_file()}
    refused = cli("restore", tmp_path / "backup", "--data", tmp_path / "data")
    assert (refused.code, "not empty" in refused.err) == (1, True)
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    nothing = cli("backup", "--out", tmp_path / "other", "--data", tmp_path / "nowhere")
    assert (nothing.code, "no catalog" in nothing.err) == (1, True)
    assert not os.path.lexists(tmp_path / "nowhere")


def test_a_directory_whose_catalog_is_in_postgresql_is_refused(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "catalog.id").write_text("0" * 32)
    refused = cli("backup", "--out", tmp_path / "backup")
    assert (refused.code, "PostgreSQL" in refused.err) == (1, True)
    assert not (tmp_path / "backup").exists()
