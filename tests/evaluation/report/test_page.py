"""The page: complete, the same for the same answers, and nothing that a name can do to it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.answers.answered import Answered
from evaluation.report import About, FoldSize, PoolMap, write_report
from evaluation.report.sections.confusion import MOST_CLASSES
from invariantselect.errors import JobCancelledError
from tests.browser import CHROMIUM, Page, browser_page
from tests.evaluation.report.made_up import ABOUT, HOSTILE, evaluation

ANSWERS = evaluation(60, learners=("vote", "lmm:tiny"), shots=(1, 7))


def picture(identifier: str) -> bytes | None:
    if identifier.endswith("7"):
        return None
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((160, 120)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def flat_map(fold: str, label: str, domain: str | None) -> PoolMap:
    places = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    asking = np.arange(30) % 3 == 0
    ids = tuple(f"{label} {number}" for number in range(30))
    labels = tuple(label if number % 2 else "nevus" for number in range(30))
    return PoolMap(fold, ids, labels, (domain, None) * 15, asking, places, places[::-1].copy(), "by hand", 90)


class _Outline(HTMLParser):
    """Every tag, attribute and piece of text, as a browser's tokenizer would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page_of(folder: Path, about: About = ABOUT, answers: list[Answered] = ANSWERS, **more: object) -> str:
    return write_report(folder, about, answers, **more).html.read_text(encoding="utf-8")


def named(name: str) -> tuple[About, list[Answered], PoolMap]:
    """The same evaluation, with one name wherever a user may put one."""
    about = replace(
        ABOUT,
        pool=name,
        encoder=name,
        adaptation=name,
        protocol=name,
        code_version=name,
        notes=(name,),
        folds=(FoldSize(name, 10, 10, 0, 0),),
    )
    answers = [
        replace(
            each,
            fold=name,
            query=f"{name} {each.query}",
            domain=name,
            group=None if each.group is None else f"{name} {each.group}",
            truth=each.truth.replace("melanoma", name),
            answer=None if each.answer is None else each.answer.replace("melanoma", name),
            strategy=each.strategy.replace("random", name),
            learner=each.learner.replace("lmm:tiny", name),
            demonstrations=tuple(f"{name} {shown}" for shown in each.demonstrations),
            labels=tuple(label.replace("melanoma", name) for label in each.labels),
            domains=tuple(domain and name for domain in each.domains),
        )
        for each in ANSWERS
    ]
    return about, answers, flat_map(name, name, name)


def test_all_that_was_asked_for_stands_on_the_page(tmp_path: Path) -> None:
    seen = _Outline(page_of(tmp_path, maps=[flat_map("rosendahl", "melanoma", "rosendahl")], picture=picture))
    for expected in [
        "InvariantSelect helps here",
        "points of accuracy over TopKNearest",
        "500 queries were drawn of each fold.",
        "2 queries nobody can answer",
        "because they have the query’s group",
        "zero-shot",
        "McNemar’s p",
        "Recall of each class",
        "30 of 90 images, 10 of them queries; by by hand.",
        "Made by invariantselect 0.1.0 on 2026-11-25 09:30 UTC",
    ]:
        assert expected in seen.words
    assert seen.tags.count("h1") == 1
    assert [value for name, value in seen.attributes if name == "scope"].count("row") > 30
    assert all(value for name, value in seen.attributes if name == "alt")
    assert "no picture" in seen.words


def test_the_same_answers_make_the_same_files(tmp_path: Path) -> None:
    one, again = (write_report(tmp_path / name, ABOUT, ANSWERS, picture=picture) for name in ("one", "again"))
    assert one.html.read_bytes() == again.html.read_bytes()
    assert one.json.read_bytes() == again.json.read_bytes()
    assert one.csv.read_bytes() == again.csv.read_bytes()


def test_no_name_can_add_a_tag_or_an_attribute(tmp_path: Path) -> None:
    outlines = []
    for name in (HOSTILE, "b"):
        about, answers, place = named(name)
        outlines.append(_Outline(page_of(tmp_path, about, answers, maps=[place], picture=picture)))
    hostile, tame = outlines
    assert sorted(hostile.tags) == sorted(tame.tags)
    assert sorted(name for name, _ in hostile.attributes) == sorted(name for name, _ in tame.attributes)
    assert "script" not in hostile.tags
    assert "49" not in re.findall(r"\{\{|49 \}\}", hostile.words)


def test_the_policy_allows_the_style_of_the_page_and_nothing_else(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'" in page
    assert not [value for name, value in _Outline(page).attributes if name in ("style", "onclick", "onload")]


def test_many_classes_stay_a_table_that_fits(tmp_path: Path) -> None:
    answers = evaluation(300, classes=[f"class {number:02}" for number in range(40)], shots=(3,))
    answers = [replace(each, truth=f"class {int(each.query.split()[1]) % 40:02}") for each in answers]
    page = page_of(tmp_path, answers=answers)
    matrix = re.search(r'<table class="matrix">.*?</table>', page, re.DOTALL)
    assert matrix is not None
    assert matrix[0].count('<th scope="row">') <= MOST_CLASSES
    assert "other labels" in matrix[0]
    assert "16 rarer classes stand in report.json" in _Outline(matrix[0]).words


def test_a_page_with_all_its_pictures_and_maps_is_below_three_megabytes(tmp_path: Path) -> None:
    noise = io.BytesIO()  # nothing makes a larger JPEG
    Image.fromarray(np.random.default_rng(0).integers(256, size=(300, 300, 3), dtype=np.uint8)).save(noise, "PNG")
    places = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    kinds = tuple(f"class {number % 20}" for number in range(2000))
    one = PoolMap("a", kinds, kinds, kinds, np.arange(2000) % 2 == 0, places, places, "by hand", 2000)
    answers = evaluation(200, shots=(1, 32), learners=("vote",))
    files = write_report(tmp_path, ABOUT, answers, maps=[one] * 3, picture=lambda _: noise.getvalue())
    assert files.html.stat().st_size < 3_000_000


def test_it_can_be_stopped(tmp_path: Path) -> None:
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        write_report(tmp_path, ABOUT, ANSWERS, check=check)
    assert list(tmp_path.iterdir()) == []


def test_one_answer_makes_a_report_and_none_doesnt(tmp_path: Path) -> None:
    assert "right" in page_of(tmp_path, answers=ANSWERS[:1])
    with pytest.raises(ValueError, match="at least one answer"):
        write_report(tmp_path, ABOUT, [])


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with browser_page(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module", params=["plain", "hostile"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    about, answers, place = (
        (ABOUT, ANSWERS, flat_map("rosendahl", "melanoma", None)) if request.param == "plain" else named(HOSTILE)
    )
    folder = tmp_path_factory.mktemp(request.param)
    return write_report(folder, about, answers, maps=[place], picture=picture).html


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desk-light", "phone-dark"])
def test_a_browser_shows_it_without_complaint(tab: Page, written: Path, tmp_path: Path, width: int, dark: bool) -> None:
    tab.open(written, width=width, dark=dark)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("window.pwned === undefined")
    assert "InvariantSelect" in tab.evaluate("document.querySelector('h1').innerText")
    assert tab.evaluate(
        "[...document.images].map(i => i.complete && i.naturalWidth).every(w => w === 128 || w === 160)"
    )
    charts = "[...document.querySelectorAll('svg')].filter(s => s.checkVisibility())"
    assert tab.evaluate(f"{charts}.length") > 50
    assert tab.evaluate(f"{charts}.every(s => s.getBoundingClientRect().width > 8)")
    ink = tab.evaluate("getComputedStyle(document.body).color")
    assert (ink == "rgb(236, 238, 241)") is dark
    tab.screenshot(tmp_path / "page.png", whole=False)
    with Image.open(tmp_path / "page.png") as shot:
        assert shot.width == width
        # A blank page has one colour, letters on it a hundred.
        assert len(shot.convert("RGB").getcolors(1 << 24) or []) > 50
    assert tab.complaints == []


def test_only_wide_tables_scroll_and_they_can_be_reached_by_key(tab: Page, written: Path) -> None:
    tab.open(written, width=320)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    tab.evaluate(
        """globalThis.wider = [...document.querySelectorAll('body *')].filter(
            e => e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))"""
    )
    assert tab.evaluate("wider.length") >= 2
    assert tab.evaluate("wider.every(e => e.tabIndex === 0 && e.ariaLabel)")
