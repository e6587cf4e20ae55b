"""Commands that change something are in the log of writes; ``audit`` shows it and prunes it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from service.cli.app import app
from service.store import open_store
from tests.service.cli.conftest import CommandLine
from tests.service.cli.test_cli_docs import commands

READS = {
    "audit",  # what it prunes is tested below
    "backup",
    "demonstrations get",
    "demonstrations list",
    "doctor",  # likewise what it repairs
    "encoders",
    "evaluate",  # into a folder of its own; as a job it is tested below
    "export",
    "jobs follow",
    "jobs list",
    "jobs log",
    "jobs show",
    "keys list",
    "pools",
    "pools show",
    "quantise",  # into a folder of its own
    "restore",  # makes a data directory, whose log is that of the one that was backed up
    "select",
    "shift",
    "version",
}
BY_REQUESTS_AND_JOBS = {"serve", "worker", "demo"}
"""What they change is written down by what they start, or lies in a folder of their own."""
WRITES = {
    "adapt": "adapt_pool",
    "demonstrations delete": "delete_demonstrations",
    "discard": "discard_encoder_version",
    "demonstrations relabel": "relabel_demonstrations",
    "import": "import_pool",
    "ingest": "ingest",
    "jobs cancel": "cancel_job",
    "jobs retry": "retry_job",
    "keys create": "create_key",
    "keys revoke": "revoke_key",
    "keys rotate": "rotate_key",
    "pools drop": "drop_pool",
    "rebuild": "rebuild_pool",
    "rollback": "roll_back",
}


def entries(cli: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli("audit", "--json", *arguments).json["entries"]
    return found


def test_every_command_is_a_read_or_a_write() -> None:
    paths = {" ".join(path) for path, _ in commands(typer.main.get_command(app))}
    assert paths == READS | BY_REQUESTS_AND_JOBS | set(WRITES)


def test_every_command_that_changes_something_leaves_a_row(
    cli: CommandLine, adapted_pets: str, folder: Path, tmp_path: Path
) -> None:
    cli("export", "pets", tmp_path / "out")
    before = {entry["id"] for entry in entries(cli)}

    def new(*arguments: object) -> dict[str, Any]:
        ended = cli(*arguments)
        assert ended.code == 0, ended.err
        (entry,) = [entry for entry in entries(cli) if entry["id"] not in before]
        before.add(entry["id"])
        assert (entry["actor"], entry["request_id"], entry["outcome"]) == ("cli", None, "done")
        done.add(entry["action"])
        return entry

    done: set[str] = set()
    assert new("ingest", folder, "--pool", "pets")["subject"] == {
        "created": 0,
        "replaced": 0,
        "updated": 0,
        "unchanged": 12,
        "failed": 0,
    }
    assert new("import", tmp_path / "out", "--pool", "copy")["subject"]["created"] == 12
    relabelled = new("demonstrations", "relabel", "photo/cat/0.png", "wolf", "--pool", "pets")
    assert (relabelled["pool"], relabelled["subject"]) == ("pets", {"updated": 1})
    deleted = new("demonstrations", "delete", "photo/cat/0.png", "photo/cat/1.png", "--pool", "pets", "--yes")
    assert deleted["subject"] == {"deleted": 2}
    assert new("rollback", "--pool", "pets")["subject"] == {"version": 1}
    assert new("discard", "--pool", "pets", "--version", "2", "--yes")["subject"] == {"version": 2}
    job = new("rebuild", "pets", "--queue")["subject"]["job"]
    assert new("jobs", "cancel", job) | {"id": None, "at": None} == {
        "id": None,
        "at": None,
        "actor": "cli",
        "request_id": None,
        "action": "cancel_job",
        "pool": "pets",
        "subject": {"job": job},
        "outcome": "done",
    }
    assert new("jobs", "retry", job)["subject"] == {"job": job}
    assert set(new("adapt", "--pool", "pets", "--queue")["subject"]) == {"job"}
    assert set(new("evaluate", "--pool", "pets", "--queue")["subject"]) == {"job"}
    assert set(new("rebuild", "pets")["subject"]) == {"job"}  # done here and now
    key = new("keys", "create", "--scope", "write", "--pool", "pets", "--name", "n")["subject"]
    assert key == {"key": key["key"], "scope": "write", "pools": ["pets"], "name": "n", "expires_at": None}
    rotated = new("keys", "rotate", key["key"], "--overlap", "1h")["subject"]
    assert (rotated["rotated"], rotated["overlap_seconds"]) == (key["key"], 3600)
    assert new("keys", "revoke", rotated["key"])["subject"] == {"key": rotated["key"]}
    assert new("doctor", "--repair")["subject"] == {}
    assert new("pools", "drop", "pets", "--yes")["pool"] == "pets"
    assert done == set(WRITES.values()) | {"evaluate_pool", "repair_pools"}


def test_a_command_that_fails_is_kept_with_the_code(cli: CommandLine, pets: str) -> None:
    assert cli("rollback", "--pool", pets).code == 1
    assert cli("keys", "revoke", "0" * 16).code == 1
    assert [(entry["action"], entry["outcome"]) for entry in entries(cli)[:2]] == [
        ("revoke_key", "invalid_request"),
        ("roll_back", "pool_not_adapted"),
    ]


@pytest.mark.parametrize(("raised", "outcome"), [(KeyboardInterrupt, "interrupted"), (RuntimeError, "internal_error")])
def test_a_command_that_is_cut_off_is_kept_too(
    cli: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], outcome: str
) -> None:
    from service.cli import intake_progress

    def cut_off(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(intake_progress, "take_in", cut_off)
    if raised is KeyboardInterrupt:
        assert cli("ingest", folder, "--pool", "pets").code == 130
    else:
        with pytest.raises(raised):
            cli("ingest", folder, "--pool", "pets")
    assert [(entry["action"], entry["outcome"]) for entry in entries(cli)] == [("ingest", outcome)]


def test_the_log_is_shown_by_pool_and_time_and_pruned(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    cli("keys", "create")
    long_ago = (datetime.now(UTC) - timedelta(days=8)).replace(tzinfo=None)
    with closing(open_store(tmp_path / "data")) as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE audit SET at = ? WHERE action = 'ingest'", (str(long_ago),))
    assert [entry["action"] for entry in entries(cli)] == ["create_key", "ingest"]
    assert [entry["action"] for entry in entries(cli, "--pool", pets)] == ["ingest"]
    assert [entry["action"] for entry in entries(cli, "--since", "7d")] == ["create_key"]
    assert len(entries(cli, "--since", f"{long_ago:%Y-%m-%d}")) == 2
    assert len(entries(cli, "--limit", "1")) == 1
    table = cli("audit").out
    assert "ingest" in table
    assert "created 12" in table
    assert cli("audit", "--since", "yesterday").code == 2
    assert cli("audit", "--prune-before", "7d", "--pool", pets).code == 2
    for slip in ("2026", "365", "7d ago"):  # a bare number is no length here: all but seconds would go
        refused = cli("audit", "--prune-before", slip, "--yes")
        assert (refused.code, "is no time" in refused.err) == (2, True)
    assert cli("audit", "--prune-before", "7d", "--yes").code == 0
    pruned, made = entries(cli)
    assert (pruned["action"], pruned["subject"]["removed"], made["action"]) == ("prune_audit", 1, "create_key")


def test_reads_leave_no_row_and_looking_makes_no_data_directory(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    before = entries(cli)
    for arguments in (["pools"], ["encoders", "--pool", pets], ["demonstrations", "list", "--pool", pets]):
        assert cli(*arguments).code == 0
    assert entries(cli) == before
    assert cli("audit", "--data", tmp_path / "nowhere").code == 1
    assert not (tmp_path / "nowhere").exists()
