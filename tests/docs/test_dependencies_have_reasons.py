"""Every dependency stands in ARCHITECTURE.md with its reason, and nothing stands there that is no dependency."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_dependency_has_a_line_and_each_line_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {re.split(r"[\[><=]", line)[0] for group in groups for line in group} - {"invariantselect"}

    section = (ROOT / "ARCHITECTURE.md").read_text().split("## Dependencies")[1].split("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert named == wanted
    assert all(row.split("|")[2].strip() for row in rows)
