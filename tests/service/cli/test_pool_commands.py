"""`pools`, `demonstrations`, `export`, `import` and `keys`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.service.cli.conftest import CommandLine


def test_pools_are_listed_and_shown(cli: CommandLine, pets: str) -> None:
    listed = cli("pools")
    assert listed.out.splitlines()[1].split() == ["pets", "12", "3", "2", "pixel-16-0", "–", "2"]
    assert cli("pools", "--json").json["pools"][0]["demonstrations"] == 12
    shown = cli("pools", "show", pets)
    assert [line.split() for line in shown.out.splitlines()[-3:]] == [[x, "2", "2", "4"] for x in ("cat", "dog", "owl")]
    counts = cli("pools", "show", pets, "--json").json["counts"]
    assert {"label": "cat", "domain": "photo", "count": 2} in counts


@pytest.mark.parametrize("before", [("--data", "elsewhere"), ("--json",)])
@pytest.mark.parametrize("command", [("show",), ("drop", "--yes")])
def test_options_of_the_list_are_not_lost_on_one_pool(
    cli: CommandLine, pets: str, before: tuple[str, ...], command: tuple[str, ...]
) -> None:
    ended = cli("pools", *before, command[0], pets, *command[1:])
    assert (ended.code, ended.out) == (2, "")
    assert f"give {before[0]} behind {command[0]}" in " ".join(ended.err.replace("│", " ").split())
    assert cli("pools", "show", pets, "--json").json["demonstrations"] == 12


def test_a_missing_data_directory_is_told_and_not_made(cli: CommandLine, tmp_path: Path) -> None:
    ended = cli("pools")
    assert (ended.code, ended.out) == (1, "")
    assert "there is no data directory" in ended.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("said", ["", "n\n", "maybe\n"])
def test_nothing_is_dropped_without_a_yes(
    cli: CommandLine, pets: str, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert cli("pools", "drop", pets).code == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert cli("demonstrations", "delete", "photo/cat/0.png", "--pool", pets).code == 1
    assert cli("pools", "show", pets, "--json").json["demonstrations"] == 12


def test_a_pool_is_dropped_with_a_yes(cli: CommandLine, pets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert cli("pools", "drop", pets).code == 0
    assert cli("pools", "drop", pets, "--yes").code == 1
    assert "No pool" in cli("pools").err


def test_demonstrations_are_listed_fetched_relabelled_and_deleted(cli: CommandLine, pets: str) -> None:
    listed = cli("demonstrations", "list", "--pool", pets, "--limit", 2, "--after", "photo/cat/0.png", "--json").json
    assert [each["id"] for each in listed["demonstrations"]] == ["photo/cat/1.png", "photo/dog/0.png"]

    assert cli("demonstrations", "relabel", "photo/dog/0.png", "wolf", "--pool", pets).code == 0
    got = cli("demonstrations", "get", "photo/dog/0.png", "--pool", pets, "--json").json["demonstrations"]
    assert [(each["label"], each["width"]) for each in got] == [("wolf", 24)]

    assert cli("demonstrations", "delete", "photo/dog/0.png", "--pool", pets, "--yes").code == 0
    missing = cli("demonstrations", "get", "photo/cat/0.png", "photo/dog/0.png", "--pool", pets)
    assert missing.code == 1
    assert "photo/cat/0.png" in missing.out
    assert "no demonstration photo/dog/0.png" in missing.err


@pytest.mark.parametrize("change", [["relabel", "nowhere", "cat"], ["relabel", "photo/cat/0.png", ""]])
def test_a_change_that_fails_ends_with_1(cli: CommandLine, pets: str, change: list[str]) -> None:
    ended = cli("demonstrations", *change, "--pool", pets)
    assert ended.code == 1
    assert "failed" in ended.out


def test_an_export_comes_back_whole_without_encoding(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    assert cli("export", pets, tmp_path / "export").code == 0
    trust = ("--trust-encoder", "pixel-16-0")
    report = cli("import", tmp_path / "export", "--pool", "copy", "--json", *trust).json
    assert (report["created"], report["encoded"], report["failed"]) == (12, 0, [])
    both = [cli("demonstrations", "list", "--pool", name, "--json").json["demonstrations"] for name in (pets, "copy")]
    for each in (*both[0], *both[1]):
        del each["image_url"]
    assert both[0] == both[1]
    assert cli("export", pets, tmp_path / "export").code == 1
    assert cli("import", tmp_path / "export", "--pool", "copy", *trust).code == 1


def test_an_import_loads_no_encoder_on_the_exports_word_alone(
    cli: CommandLine, pets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("export", pets, tmp_path / "export").code == 0
    monkeypatch.setenv("INVARIANTSELECT_ENCODER", "efficientnet-lite0")
    ended = cli("import", tmp_path / "export", "--pool", "copy")
    assert ended.code == 1
    assert "--trust-encoder" in ended.err


def test_keys_are_made_shown_once_listed_and_revoked(cli: CommandLine) -> None:
    made = cli("keys", "create", "--scope", "write", "--name", "nightly")
    secret = made.out.strip()
    assert secret.startswith("isk_")
    assert "can't be shown again" in made.err
    (listed,) = cli("keys", "list", "--json").json["keys"]
    assert (listed["scope"], listed["name"], listed["revoked_at"]) == ("write", "nightly", None)
    assert secret not in cli("keys", "list").out
    assert cli("keys", "revoke", listed["id"]).code == 0
    assert cli("keys", "revoke", listed["id"]).code == 1
    assert "revoked" in cli("keys", "list").out


def test_an_import_of_nothing_makes_no_data_directory(cli: CommandLine, tmp_path: Path) -> None:
    refused = cli("import", tmp_path / "missing", "--pool", "pets")
    assert refused.code == 1
    assert not (tmp_path / "data").exists()
