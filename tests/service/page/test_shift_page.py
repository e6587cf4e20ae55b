"""The page of a shift report: complete, and nothing hostile gets through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.shift.report import Known, shift_report
from invariantselect.errors import ImageUnreadableError
from service.page import render_shift
from service.shift.sentences import abstention_sentence
from service.shift.shifting import BatchShift, LeftOut
from tests.browser import Page
from tests.service.page.test_selection_page import HOSTILE, outline, tab, thumbnail

__all__ = ["tab"]  # the fixture


def shift_of(
    name: str = "scan", *, accuracy: float = 0.7, pool: int = 90, domains: tuple[str | None, ...] = ("north", "south")
) -> BatchShift:
    rng = np.random.default_rng(0)
    labels = [["cat", "dog"][n % 2] for n in range(pool)]
    places = np.array([[3.0, 0.0], [0.0, 3.0]])[np.arange(pool) % 2] + rng.normal(size=(pool, 2))
    known = np.concatenate([places, np.ones((pool, 1))], axis=1)
    batch = np.concatenate([rng.normal(size=(8, 2)) + 1, np.ones((8, 1))], axis=1)
    unit, asking = ((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (known, batch))
    where = [domains[n // 2 % len(domains)] for n in range(pool)]
    report = shift_report(
        asking, Known(unit, labels, where, [None] * pool, [str(n) for n in range(pool)]), accuracy=accuracy
    )
    left_out = (LeftOut(f"{name}-bad", ImageUnreadableError("It is damaged.")), LeftOut(f"{name}-known"))
    names = tuple(f"{name}-{n}" for n in range(8))
    return BatchShift("pets", 17, "pixel", pool, accuracy, 7, names, left_out, report)


def page_of(shift: BatchShift, least: int = 3) -> str:
    return render_shift(shift, {name: thumbnail(8, 8) for name in shift.names}, least=least)


def text_of(page: str) -> str:
    return " ".join(" ".join(outline(page).text).split())


def test_it_tells_what_is_near_what_is_usual_and_what_to_answer() -> None:
    shift = shift_of()
    page = page_of(shift)
    text = text_of(page)
    for near in shift.report.domains:
        assert f"{near.domain} {100 * near.share:.0f} % {near.similarity[2]:.3f}" in text
    assert f"H = {shift.report.test.effect:.3f}" in text
    assert abstention_sentence(shift) in text.replace(" .", ".")
    assert "2 left out: scan-bad (It is damaged.), scan-known (The pool has this very file.)" in text.replace(" ,", ",")
    assert outline(page).tags.count("img") == 3
    shown = [shift.names[place] for place in shift.least_familiar()]
    assert all((f"<bdi>{name}</bdi>" in page) == (place < 3) for place, name in enumerate(shown))
    assert outline(page).tags.count("line") == 2


def test_a_picture_that_is_gone_gets_a_placeholder() -> None:
    assert render_shift(shift_of(), {}, least=2).count("no picture") == 2


def test_a_pool_without_domains_and_one_without_a_threshold_make_a_page() -> None:
    page = page_of(shift_of(accuracy=1.01, domains=(None,)))
    assert "table" not in outline(page).tags
    assert outline(page).tags.count("line") == 1
    assert "no agreement had an accuracy of 101.0%" in text_of(page)
    assert "one half asked the other" in text_of(page)


def test_a_small_pool_is_told_what_it_lacks() -> None:
    assert "images only, and 30 are needed" in abstention_sentence(shift_of(pool=12))


@pytest.mark.parametrize(("ranking", "said"), [(0.83, "in 83% of all pairs"), (None, "answer")])
def test_how_well_agreement_ranks_is_told(ranking: float | None, said: str) -> None:
    shift = shift_of()
    assert said in abstention_sentence(replace(shift, report=replace(shift.report, ranking=ranking)))


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1) | st.just(HOSTILE))
def test_no_name_can_add_a_tag_an_attribute_or_a_handler_to_the_page(name: str) -> None:
    def seen(text: str) -> object:
        shift = replace(shift_of(text, domains=(text, "south")), pool=text, encoder=text)
        found = outline(page_of(shift))
        return sorted(found.tags), sorted(attribute for attribute, _ in found.attributes)

    assert seen(name) == seen("a")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desk-light", "phone-dark"])
def test_a_browser_renders_the_page_without_complaint(tab: Page, tmp_path: Path, width: int, dark: bool) -> None:
    file = tmp_path / "shift.html"
    file.write_text(page_of(shift_of(HOSTILE + "a-very-long-name/" * 12)), encoding="utf-8")
    tab.open(file, width=width, dark=dark)
    assert tab.evaluate("[...document.images].map(i => i.complete && i.naturalWidth)") == [8] * 3
    assert tab.evaluate("window.pwned === undefined")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    heights = tab.evaluate("[...document.querySelectorAll('main svg')].map(s => s.getBoundingClientRect().height)")
    assert min(heights) > 4
    assert tab.complaints == []
