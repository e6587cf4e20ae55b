"""The command line writes and repairs the vectors of every live encoder version."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders import catalog
from index import inspection
from index.pools import Pools
from tests.service.cli.conftest import CommandLine
from tests.service.live_versions import adapt, check, load


def test_the_command_line_takes_in_and_repairs_for_each_live_version(
    cli: CommandLine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "load_encoder", load)
    monkeypatch.setattr(inspection, "damaged_encoders", lambda *_: [])  # these lie in no store
    (folder / "sketch").rename(tmp_path / "later")
    assert cli("ingest", folder, "--pool", "pets").code == 0
    with Pools(tmp_path / "data") as pools:
        adapt(pools.open("pets"), 2, 3)
    (tmp_path / "later").rename(folder / "sketch")
    assert cli("ingest", folder, "--pool", "pets").code == 0
    with Pools(tmp_path / "data") as pools:
        pool = pools.open("pets")
        assert pool.summary().demonstrations == 12
        check(pool)
        pool.seal()
        version = pool.snapshot().version
        damaged = [next((pool._folder / "versions" / number).glob("*.faiss")) for number in ("2", "3")]
    for file in damaged:
        file.unlink()
    assert cli("doctor", "--json").code == 1
    assert cli("doctor", "--repair").code == 0
    with Pools(tmp_path / "data") as pools:
        pool = pools.open("pets")
        assert pool.snapshot().version == version + 1  # only what serves was made anew, and not version 1
        check(pool)
        adapt(pool, 2)
        check(pool)
