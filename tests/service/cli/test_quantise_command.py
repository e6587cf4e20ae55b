"""`quantise`: an int8 encoder is made, and what it costs is told before anybody uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders.catalog import known_encoders
from encoders.store import load_stored
from tests.encoders.rounded import save_float32
from tests.service.cli.conftest import CommandLine


def test_an_int8_encoder_is_made_and_its_effect_is_told(
    cli: CommandLine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("encoders.quantisation.making.user_cache_directory", lambda: tmp_path / "cache")
    (folder / "photo" / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "photo" / "classless.png").write_bytes(b"")
    float32, int8 = save_float32(tmp_path / "float32", "static"), tmp_path / "encoders" / "int8"
    asked = ["quantise", float32, "--images", folder, "--calibrate", 8, "--measure", 8, "-k", 3]
    ended = cli(*asked, "--to", int8)
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"{int8}: int8 of {float32}, fitted to 8 images, measured on 4 others")
    rows = [line.split("  ")[0] for line in ended.out.splitlines()]
    assert {"precision@3", "precision@3 among other domains", "share of the 3 nearest that stay"} <= set(rows)
    assert "left out: photo/cat/broken.png" in ended.err
    assert "left out: photo/classless.png" in ended.err
    assert known_encoders(int8.parent) == ["efficientnet-lite0", str(int8)]
    assert not (tmp_path / "data").exists()  # nothing was taken in

    again = cli(*asked, "--to", int8)
    assert again.code != 0
    assert "holds an encoder already" in again.err
    told = cli(*asked, "--to", tmp_path / "second", "--json").json
    stored = load_stored(tmp_path / "second").trunk
    assert (told["precision"], told["fingerprint"]) == ("int8", stored.fingerprint())
    assert told["quantisation"] == stored.quantisation.to_json()
