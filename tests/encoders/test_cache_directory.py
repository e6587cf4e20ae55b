from __future__ import annotations

from pathlib import Path

import pytest

from encoders.cache_directory import user_cache_directory


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/var/mine"}, Path("/var/mine/invariantselect")),
        ("linux", {"XDG_CACHE_HOME": "relative"}, Path("/home/me/.cache/invariantselect")),
        ("linux", {}, Path("/home/me/.cache/invariantselect")),
        ("darwin", {}, Path("/home/me/Library/Caches/invariantselect")),
        ("win32", {"LOCALAPPDATA": "/c/local"}, Path("/c/local/invariantselect")),
        ("win32", {}, Path("/home/me/AppData/Local/invariantselect")),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(
    platform: str, environment: dict[str, str], expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("encoders.cache_directory.sys.platform", platform)
    assert user_cache_directory() == expected
