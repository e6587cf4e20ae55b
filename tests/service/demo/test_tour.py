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
from encoders.encoder import Encoder
from encoders.store import load_stored
from invariantselect.wire import SelectionOptions
from invariantselect.wire.adaptation import AdaptRequest
from service.demo.domains import DOMAINS, HELD_OUT
from service.demo.images import Recipe
from service.demo.tour import tour
from tests.fakes.pixel_encoder import PixelEncoder

RECIPE = Recipe(pool_scans=3, query_scans=2)
ADAPTATION = AdaptRequest(depth="closed_form", force=True)


def load(name: str, *, store: Path | None = None, **_: object) -> Encoder:
    """The small encoder, and what was adapted from it."""
    if "/" not in name:
        return PixelEncoder()
    assert store is not None
    stored = load_stored(store / name)
    return PixelEncoder(calibration=stored.calibration, version=stored.version)


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
            tour(out, RECIPE, ADAPTATION)
        return stdout.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "load_encoder", load)
        patch.setenv("INVARIANTSELECT_ENCODER", "pixel-16-0")
        return Walks(out, told(), told())


def accuracies(told: str) -> list[tuple[str, ...]]:
    return re.findall(
        r"^(\w+)(?: \(never seen\))?\s+([01]\.\d\d)\s+([01]\.\d\d)\s+([01]\.\d\d)\s*$", told, re.MULTILINE
    )


def test_the_tour_shows_demonstrations_and_the_next_steps(walks: Walks) -> None:
    told, out = walks.first, walks.out
    assert "handwriting: 90 created, 0 failed" in told
    chosen = re.findall(r"^(\d)\s+(\d)\s+0\.\d{4}\s+\d\s+(\w+)\s+–\s+\S+\.png", told, re.MULTILINE)
    assert [place for place, _, _ in chosen] == list("1234567")
    assert {domain for _, _, domain in chosen} <= set(DOMAINS) - {HELD_OUT}
    for step in (f"serve --data {out}", "curl -s", "/v1/pools/handwriting/select", "ingest FOLDER --pool NAME"):
        assert step in told


def test_it_adapts_and_compares_the_strategies_on_the_domain_that_it_never_saw(walks: Walks) -> None:
    rows = accuracies(walks.first)
    assert [row[0] for row in rows] == [HELD_OUT, *(domain for domain in DOMAINS if domain != HELD_OUT)]
    assert re.search(r"^closed_form( +[01]\.\d{3}){4} +– +[01]\.\d{3}", walks.first, re.MULTILINE)
    assert "Version 2 serves" in walks.first
    page = (walks.out / "comparison.html").read_text(encoding="utf-8")
    assert "topk_nearest" in page
    assert "invariant_select" in page
    assert page.count("data:image/png") >= 8


def test_a_second_walk_makes_nothing_again_and_finds_the_same(walks: Walks) -> None:
    assert "handwriting: 0 created, 90 unchanged, 0 failed" in walks.second
    assert "Version 2 serves since an earlier demo" in walks.second
    assert accuracies(walks.first) == accuracies(walks.second) != []


def test_the_curl_line_names_an_image_and_options_that_the_server_reads(walks: Walks) -> None:
    line = next(line for line in walks.first.splitlines() if "curl -s" in line)
    image = re.search(r"--data-binary @(\S+)", line)
    options = re.search(r"options=([^']+)'", line)
    assert image is not None
    assert Path(image[1]).is_file()
    assert options is not None
    asked = SelectionOptions.model_validate_json(unquote(options[1]))
    assert (asked.k, asked.strategy) == (7, "invariant_select")
