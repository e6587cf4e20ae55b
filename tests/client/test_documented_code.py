"""The Python in the documentation of the client runs as it stands, against the real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from invariantselect import Client, NewDemonstration
from tests.client.live_service import live_service, worker

ROOT = Path(__file__).parents[2]


def python_in(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((16, 16), 20 + seed).rotate(seed).convert("RGB").save(path)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A service, and a working directory with the images that the documentation names."""
    monkeypatch.chdir(tmp_path)
    draw(Path("new-patient.jpg"), 0)
    for seed, name in enumerate(["vienna/1.jpg", "vienna/2.jpg", "queensland/1.jpg"], 1):
        draw(Path(name), seed)
    for seed in range(12):
        draw(
            Path("scans", ("vienna", "queensland")[seed % 2], ("melanoma", "nevus")[seed % 3 % 2], f"{seed}.png"), seed
        )
    with live_service(tmp_path / "data") as url:
        yield url


def run(blocks: list[str], address: str) -> tuple[dict[str, Any], list[str]]:
    """The names that the blocks leave behind, and the lines that they print."""
    lines: list[str] = []
    names: dict[str, Any] = {"print": lambda *values: lines.append(" ".join(map(str, values)))}
    try:
        for block in blocks:
            exec(block.replace("http://127.0.0.1:8000", address), names)
    finally:
        for value in names.values():
            if isinstance(value, Client):
                value.close()
    return names, lines


def test_the_readme_of_the_client_runs(address: str) -> None:
    names, lines = run(python_in("client/README.md"), address)
    assert {line.split()[1] for line in lines} == {"melanoma", "nevus"}
    assert names["messages"]


def test_the_page_of_the_sdk_runs(address: str, tmp_path: Path) -> None:
    with worker(tmp_path / "data"):
        names, lines = run(python_in("docs/sdk.md"), address)
    shown = "\n".join(lines)
    assert "12 sent, 0 failed" in shown
    assert "no such id" in shown
    assert "lungs" in shown
    assert "succeeded 11" in shown
    assert len(names["selection"].demonstrations) + names["selection"].shortfall == 4


def test_the_python_of_the_front_page_runs(address: str) -> None:
    with Client(address) as client:
        client.create_pool("skin")
        client.upsert("skin", [NewDemonstration(path, path, "nevus") for path in ("vienna/1.jpg", "vienna/2.jpg")])
    names, lines = run(python_in("README.md"), address)
    assert len(lines) == 2
    assert names["messages"]
