"""The page of a selection: complete, escaped, and the same in any browser without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from invariantselect.wire import Diversity, Selected, Selection, SelectionOptions
from service.page import QueryView, Thumbnail, make_thumbnail, render_selection
from tests.browser import CHROMIUM, Page, browser_page

HOSTILE = """"'><script>window.pwned = 1</script><img src=x onerror=window.pwned=1>{{ 7 * 7 }}</style>&\u202e"""


def thumbnail(width: int = 300, height: int = 200) -> Thumbnail:
    return make_thumbnail(Image.radial_gradient("L").resize((width, height)).convert("RGB"))


def selection_of(*labels: str, k: int | None = None, **changes: object) -> Selection:
    chosen = [
        Selected(
            id=f"{label}-{place}",
            label=label,
            domain="photo",
            group=f"patient-{place}",
            score=0.5 + place / 100,
            rank=len(labels) - place,
            image_url="/v1/pools/pets/images/x",
            media_type="image/png",
            metadata={"age": 40 + place, "site": None},
        )
        for place, label in enumerate(labels)
    ]
    asked = k if k is not None else len(labels)
    plain = Selection(
        pool="pets",
        snapshot=17,
        encoder="efficientnet-lite0",
        fingerprint="ab" * 32,
        strategy="topk_nearest",
        k=asked,
        shortfall=asked - len(labels),
        demonstrations=chosen,
    )
    return plain.model_copy(update=changes)


def page_of(selection: Selection, options: SelectionOptions | None = None, query: QueryView | None = None) -> str:
    pictures = {chosen.id: thumbnail() for chosen in selection.demonstrations}
    return render_selection(
        selection, options or SelectionOptions(), query or QueryView("cat.png", thumbnail()), pictures
    )


class _Outline(HTMLParser):
    """Every tag, attribute and piece of text, as a browser's tokenizer would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(page: str) -> _Outline:
    seen = _Outline()
    seen.feed(page)
    return seen


def test_the_page_shows_every_demonstration_in_prompt_order_with_all_that_is_known_of_it() -> None:
    page = page_of(
        selection_of("cat", "dog", "cat"), query=QueryView("q.png", thumbnail(), label="cat", domain="sketch")
    )
    text = " ".join(" ".join(outline(page).text).split())
    assert text.index("cat-0") < text.index("dog-1") < text.index("cat-2")
    for expected in [
        "rank 3",
        "rank 1",
        "0.5100",
        "photo",
        "patient-2",
        "age",
        "41",
        "sketch",
        "snapshot 17",
        "ab" * 32,
    ]:
        assert expected in text
    assert text.count("✓ the query’s label") == 2
    assert outline(page).tags.count("img") == 4


def test_options_that_differ_from_the_default_are_told() -> None:
    options = SelectionOptions(where={"domain": {"not": "sketch"}}, diversity=Diversity(method="mmr"), seed=0)
    text = html.unescape(page_of(selection_of("cat"), options))
    assert '{"domain": {"not": "sketch"}}' in text
    assert '"lambda": 0.7' in text
    assert "seed" not in text


def test_a_shortfall_is_told_and_an_empty_selection_still_makes_a_page() -> None:
    assert "2 fewer exist" in page_of(selection_of("cat", k=3))
    empty = page_of(selection_of(k=4))
    assert "No demonstration of this pool may be chosen" in empty
    assert "0 demonstrations" in empty


def test_a_demonstration_without_a_picture_gets_a_placeholder() -> None:
    page = render_selection(selection_of("cat"), SelectionOptions(), QueryView("by vector"), {})
    assert page.count("no picture") == 2
    assert "img" not in outline(page).tags


def test_the_policy_allows_exactly_the_style_that_the_page_carries() -> None:
    page = page_of(selection_of("cat"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(
        value for name, value in outline(page).attributes if name == "content" and value and "default-src" in value
    )
    assert (
        policy == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1) | st.just(HOSTILE))
def test_no_name_can_add_a_tag_an_attribute_or_a_handler_to_the_page(name: str) -> None:
    chosen = Selected(
        id=name,
        label=name,
        domain=name,
        group=name,
        score=0.1,
        rank=1,
        image_url=name,
        media_type=name,
        metadata={name: name},
    )
    hostile = selection_of("cat", encoder=name, pool=name, demonstrations=[chosen])
    query = QueryView(name, thumbnail(8, 8), label=name, domain=name, group=name)
    options = SelectionOptions(where={name: name})
    seen = outline(render_selection(hostile, options, query, {name: thumbnail(8, 8)}))
    tame = selection_of(
        "cat",
        encoder="a",
        pool="a",
        demonstrations=[chosen.model_copy(update=dict.fromkeys(["id", "label", "domain", "group"], "a"))],
    )
    expected = outline(
        render_selection(
            tame,
            SelectionOptions(where={"a": "a"}),
            QueryView("a", thumbnail(8, 8), "a", "a", "a"),
            {"a": thumbnail(8, 8)},
        )
    )
    assert seen.tags == expected.tags
    assert [attribute for attribute, _ in seen.attributes] == [attribute for attribute, _ in expected.attributes]


@pytest.mark.parametrize(("size", "expected"), [((8, 8), (8, 8)), ((4000, 1000), (448, 112)), ((448, 300), (448, 300))])
def test_a_thumbnail_is_downscaled_but_never_enlarged(size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = make_thumbnail(Image.new("RGB", size, "teal"))
    decoded = Image.open(io.BytesIO(base64.b64decode(made.data_uri.split(",")[1])))
    assert decoded.size == expected == (made.width, made.height)
    assert made.tiny == (max(size) <= 96)
    assert decoded.format == ("PNG" if made.tiny else "JPEG")


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with browser_page(tmp_path / "profile") as page:
        yield page


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desk-light", "phone-dark"])
def test_a_browser_renders_the_page_without_complaint(tab: Page, tmp_path: Path, width: int, dark: bool) -> None:
    file = tmp_path / "page.html"
    long = "a-very-long-identifier/" * 12
    selection = selection_of("cat", "dog", HOSTILE, long)
    file.write_text(page_of(selection, query=QueryView(HOSTILE, thumbnail(), label="cat")), encoding="utf-8")
    tab.open(file, width=width, dark=dark)

    assert (
        tab.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth, i.naturalHeight])")
        == [[True, 300, 200]] * 5
    )
    assert tab.evaluate("window.pwned === undefined")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    ink = tab.evaluate("getComputedStyle(document.body).color")
    assert (ink == "rgb(236, 238, 241)") is dark
    assert tab.evaluate("[...document.querySelectorAll('rect')].every(r => r.getBoundingClientRect().width > 5)")
    assert tab.complaints == []
