"""docs/prompts.md: its Python runs, and it names every option, limit and way of reading."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_args

import dspy
import pytest
from dspy.utils import DummyLM

import invariantselect
from invariantselect import Client, ImageBudget
from invariantselect.answers import How
from invariantselect.prompts import PromptOptions
from tests.client.adapters.conftest import png

PAGE = (Path(__file__).parents[3] / "docs/prompts.md").read_text()


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_every_block_of_python_runs(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "query.png").write_bytes(png("white"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(invariantselect, "Client", lambda _: client)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    names: dict[str, object] = {}
    with dspy.context(lm=DummyLM([{"label": "cat"}])):
        for block in blocks:
            exec(block, names)
    parser = names["parser"]
    assert isinstance(parser, invariantselect.AnswerParser)
    assert parser.counts == {"template": 1, "ambiguous": 1}
    assert names["nodes"]


def test_every_option_limit_and_way_of_reading_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    fields = [field.name for field in dataclasses.fields(ImageBudget)]
    assert rows == ["question", *PromptOptions.__annotations__, "detail", "cache", *fields, *get_args(How)]


def test_the_page_tells_the_defaults_of_the_budget() -> None:
    budget = ImageBudget()
    for name in ("max_side", "max_image_bytes", "max_total_bytes"):
        assert f"| `{name}` | {getattr(budget, name):,} |" in PAGE
