"""The demo walks the whole road, says what it found and what to do next, and a second walk finds everything done."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from encoders import catalog
from invariantselect.wire import SelectionOptions
from service.demo.domains import DOMAINS
from service.demo.images import Recipe
from service.demo.tour import tour
from tests.fakes.pixel_encoder import PixelEncoder

RECIPE = Recipe(pool_scans=3, query_scans=2)


@dataclass(frozen=True)
class Walks:
    """What two walks, one after the other, told on stdout."""

    out: Path
    first: str
    second: str


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Walks:
    """Two walks with a small encoder."""
    out = tmp_path_factory.mktemp("walks") / "out"

    def told() -> str:
        with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()):
            tour(out, RECIPE)
        return stdout.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "load_encoder", lambda name, **_: PixelEncoder())
        patch.setenv("INVARIANTSELECT_ENCODER", "pixel-16-0")
        return Walks(out, told(), told())


def test_the_tour_shows_demonstrations_figures_and_the_next_steps(walks: Walks) -> None:
    told, out = walks.first, walks.out
    assert "digits: 120 created, 0 failed" in told
    chosen = re.findall(r"^(\d)\s+(\d)\s+0\.\d{4}\s+\d\s+(\w+)\s+–\s+\S+\.png", told, re.MULTILINE)
    assert [place for place, _, _ in chosen] == list("1234567")
    assert {domain for _, _, domain in chosen} <= set(DOMAINS) - {"photo"}
    figures = re.findall(r"^(\w+)\s+([01]\.\d\d)\s+([01]\.\d\d)\s+([01]\.\d\d)", told, re.MULTILINE)
    assert [row[0] for row in figures] == [*DOMAINS, "mean"]
    for step in (f"serve --data {out}", "curl -s", "/v1/pools/digits/select", "ingest FOLDER --pool NAME"):
        assert step in told
    assert (out / "selection.html").read_text(encoding="utf-8").count("data:image/png") == 8


def test_a_second_walk_encodes_nothing_again_and_finds_the_same(walks: Walks) -> None:
    def tables(told: str) -> list[str]:
        return [line for line in told.splitlines() if re.search(r"\d\.\d\d", line) and " s" not in line]

    assert "digits: 0 created, 120 unchanged, 0 failed" in walks.second
    assert tables(walks.first) == tables(walks.second) != []


def test_the_curl_line_names_an_image_and_options_that_the_server_reads(walks: Walks) -> None:
    line = next(line for line in walks.first.splitlines() if "curl -s" in line)
    image = re.search(r"--data-binary @(\S+)", line)
    options = re.search(r"options=([^']+)'", line)
    assert image is not None
    assert Path(image[1]).is_file()
    assert options is not None
    assert SelectionOptions.model_validate_json(unquote(options[1])).k == 7
