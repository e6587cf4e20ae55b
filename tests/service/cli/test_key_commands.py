"""``keys``: limited to pools, for a time, rotated; the table and the JSON say what each key is."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from invariantselect.errors import UnauthenticatedError
from service.access.keys import verify_key
from service.store import open_store
from tests.service.cli.conftest import CommandLine


def keys(cli: CommandLine) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = cli("keys", "list", "--json").json["keys"]
    return listed


def test_a_key_is_limited_to_the_pools_named(cli: CommandLine, tmp_path: Path) -> None:
    made = cli("keys", "create", "--pool", "skin", "-p", "lymph", "--name", "ward", "--json").json
    assert made["pools"] == ["lymph", "skin"]
    assert "lymph, skin" in cli("keys", "list").out
    with closing(open_store(tmp_path / "data")) as store:
        assert verify_key(store, made["secret"]).pools == {"lymph", "skin"}
    cli("keys", "create")
    assert [key["pools"] for key in keys(cli)] == [["lymph", "skin"], None]
    refused = cli("keys", "create", "--pool", "a/b")
    assert (refused.code, len(keys(cli))) == (1, 2)
    assert "no pool can have the name 'a/b'" in refused.err


def test_a_key_ends_by_itself(cli: CommandLine) -> None:
    before = datetime.now(UTC)
    made = cli("keys", "create", "--expires", "90d", "--json").json
    life = datetime.fromisoformat(made["expires_at"]) - before
    assert timedelta(days=90) <= life < timedelta(days=90, minutes=1)
    assert "works until" in cli("keys", "list").out
    for never in ("0", "0d", "-1d", "soon", "99999999d"):
        assert cli("keys", "create", "--expires", never).code in (1, 2)
    assert len(keys(cli)) == 1


def test_a_key_is_rotated_and_its_successor_shown_once(cli: CommandLine, tmp_path: Path) -> None:
    old = cli("keys", "create", "--scope", "write", "--pool", "skin", "--name", "nightly", "--json").json
    secret = cli("keys", "rotate", old["id"], "--overlap", "0").out.strip()
    first, second = keys(cli)
    assert (first["successor"], second["successor"]) == (second["id"], None)
    assert all(second[name] == old[name] for name in ("scope", "pools", "name"))
    with closing(open_store(tmp_path / "data")) as store:
        assert verify_key(store, secret).id == second["id"]
        with pytest.raises(UnauthenticatedError):
            verify_key(store, old["secret"])
    table = cli("keys", "list").out
    assert "expired" in table
    assert secret not in table
    again = cli("keys", "rotate", second["id"], "--overlap", "30m", "--expires", "7d", "--json").json
    assert again["expires_at"] is not None
    assert f"then {again['id']}" in cli("keys", "list").out
    assert cli("keys", "rotate", old["id"]).code == 1
    assert cli("keys", "rotate", second["id"]).code == 1
    assert len(keys(cli)) == 3


def test_a_whole_key_typed_by_mistake_gets_nowhere(cli: CommandLine) -> None:
    made = cli("keys", "create", "--json").json
    for command in ("revoke", "rotate"):
        refused = cli("keys", command, made["secret"])
        assert refused.code == 1
        assert made["secret"] not in refused.out + refused.err
    assert made["secret"] not in cli("audit", "--json").out


@pytest.mark.parametrize("words", [("list",), ("rotate", "0" * 16), ("revoke", "0" * 16)])
def test_a_slip_in_the_data_directory_makes_none(words: tuple[str, ...], cli: CommandLine, tmp_path: Path) -> None:
    refused = cli("keys", *words, "--data", tmp_path / "slip")
    assert refused.code == 1
    assert "there is no data directory" in refused.err
    assert not (tmp_path / "slip").exists()
