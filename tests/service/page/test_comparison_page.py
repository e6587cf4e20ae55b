"""The page of a comparison: every strategy complete, side by side, and nothing hostile gets through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariantselect.wire import Comparison, Selection, SelectionOptions
from service.page import QueryView, render_comparison
from tests.browser import Page
from tests.service.page.test_selection_page import HOSTILE, outline, selection_of, tab, thumbnail

__all__ = ["tab"]  # the fixture


def comparison_of(**selections: Selection) -> Comparison:
    named = {name: each.model_copy(update={"strategy": name}) for name, each in selections.items()}
    return Comparison(pool="pets", selections=named)


def page_of(comparison: Comparison, query: QueryView | None = None, options: SelectionOptions | None = None) -> str:
    ids = {chosen.id for each in comparison.selections.values() for chosen in each.demonstrations}
    pictures = {id: thumbnail() for id in ids}
    view = query or QueryView("q.png", thumbnail())
    return render_comparison(comparison, options or SelectionOptions(), view, pictures)


def text_of(page: str) -> str:
    return " ".join(" ".join(outline(page).text).split())


def test_each_place_of_the_prompt_is_a_row_with_a_demonstration_of_each_strategy() -> None:
    adapted = selection_of("dog", "cat", "cat", encoder_version=2, encoder="pool/2", fingerprint="cd" * 32)
    comparison = comparison_of(topk_nearest=selection_of("cat", "dog", "owl"), invariant_select=adapted)
    page = page_of(comparison, QueryView("q.png", thumbnail(), label="cat", domain="sketch"))
    text = text_of(page)
    order = ["cat-0", "dog-0", "dog-1", "cat-1", "owl-2", "cat-2"]
    assert sorted(order, key=text.index) == order
    assert outline(page).tags.count("article") == 6
    assert outline(page).tags.count("img") == 7
    for expected in ["encoder version 1", "encoder version 2", "✓ 1 of 3", "✓ 2 of 3", "pool/2", "cd" * 32, "ab" * 32]:
        assert expected in text
    assert text.count("✓ the query’s label") == 3


def test_what_several_strategies_chose_is_marked() -> None:
    same = selection_of("cat", "dog")
    fewer = same.model_copy(update={"demonstrations": same.demonstrations[1:], "shortfall": 1})
    text = text_of(page_of(comparison_of(topk_nearest=same, invariant_select=fewer)))
    assert text.count("also topk_nearest") == text.count("also invariant_select") == 1
    assert "1 of 2 is chosen by both." in text
    assert "no more may be chosen" in text
    three = text_of(page_of(comparison_of(random=same, topk_nearest=same, invariant_select=same)))
    assert three.count("also random, topk_nearest") == 2
    assert "2 of 2 are chosen by all." in three


def test_one_label_has_one_colour_in_all_columns() -> None:
    page = page_of(comparison_of(topk_nearest=selection_of("cat", "dog", "dog"), random=selection_of("owl", "cat")))
    hues: dict[str, set[str]] = {}
    for part in page.split('<article class="card slim ')[1:]:
        label = part.split('<p class="label"><bdi>')[1].split("<")[0]
        hues.setdefault(label, set()).add(part.split('"')[0])
    assert {label: len(each) for label, each in hues.items()} == {"cat": 1, "dog": 1, "owl": 1}
    assert len(set.union(*hues.values())) == 3


def test_options_are_told_once_and_the_strategy_in_its_column() -> None:
    options = SelectionOptions(k=3, strategy="random", label_balance="even")
    listed = page_of(comparison_of(random=selection_of("cat")), options=options).split("<main>")[0]
    assert "label_balance" in listed
    assert "strategy<" not in listed


def test_empty_selections_still_make_a_page() -> None:
    page = page_of(comparison_of(topk_nearest=selection_of(k=4), invariant_select=selection_of(k=4)))
    assert "No demonstration of this pool may be chosen" in page
    assert "0 of 0 are chosen by both." in text_of(page)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1) | st.just(HOSTILE))
def test_no_name_can_add_a_tag_an_attribute_or_a_handler_to_the_page(name: str) -> None:
    def rendered(word: str) -> str:
        chosen = (
            selection_of("cat")
            .demonstrations[0]
            .model_copy(update=dict.fromkeys(["id", "label", "domain", "group"], word) | {"metadata": {word: word}})
        )
        each = selection_of("cat", encoder=word, demonstrations=[chosen])
        comparison = Comparison(pool=word, selections={word: each, f"{word} again": each})
        query = QueryView(word, thumbnail(8, 8), label=word, domain=word, group=word)
        return render_comparison(comparison, SelectionOptions(where={word: word}), query, {word: thumbnail(8, 8)})

    hostile, tame = outline(rendered(name)), outline(rendered("a"))
    assert hostile.tags == tame.tags
    assert [attribute for attribute, _ in hostile.attributes] == [attribute for attribute, _ in tame.attributes]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (820, True), (390, True)], ids=["desk-light", "tablet-dark", "phone-dark"]
)
def test_a_browser_shows_the_strategies_beside_one_another(
    tab: Page, tmp_path: Path, width: int, dark: bool, count: int
) -> None:
    file = tmp_path / "page.html"
    names = ["topk_nearest", "invariant_select", "random"][:count]
    comparison = comparison_of(**{name: selection_of("cat", "dog", HOSTILE, "a-very-long-id/" * 12) for name in names})
    file.write_text(page_of(comparison, QueryView(HOSTILE, thumbnail(), label="cat")), encoding="utf-8")
    tab.open(file, width=width, dark=dark)
    assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth == 300)")
    assert tab.evaluate("window.pwned === undefined")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    boxes = (
        "[...document.querySelectorAll('.rows > li')].map(row => [...row.children].map(c => c.getBoundingClientRect()"
    )
    tops = tab.evaluate(f"{boxes}.top))")
    assert [len(row) for row in tops] == [count] * 4
    assert all(len(set(row)) == 1 for row in tops)
    assert all(sorted(row) == row for row in tab.evaluate(f"{boxes}.left))"))
    clipped = "[...document.querySelectorAll('.card .label, .card .id')].some(e => e.scrollWidth > e.clientWidth + 1)"
    assert not tab.evaluate(clipped)
    assert tab.complaints == []
