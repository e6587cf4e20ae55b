"""Round trips through any label and template, and texts that nobody foresaw."""

from __future__ import annotations

import re
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from invariantselect.answers import AnswerParser
from invariantselect.errors import PromptInvalidError
from invariantselect.prompts.wording import AnswerTemplate, Choices, normalised

ANIMALS = ["dog", "cat", "hot dog", "horse"]

LABELS = st.lists(st.text(min_size=1, max_size=12).filter(normalised), min_size=1, max_size=6, unique_by=normalised)
TEMPLATES = ["{label}", "Answer: {label}", "**{label}**", '{"answer": "{label}"}', "It is a {label}.", "Label={label};"]


@settings(max_examples=400, deadline=None)
@given(LABELS, st.sampled_from(TEMPLATES))
@example(["not a dog", "dog", "Answer: dog", "Answer: Answer: dog"], "Answer: {label}")
@example(["<think>", "</think>", "a</think>b", "b"], "{label}")
@example(['"', '\\"', "}", "{"], '{"answer": "{label}"}')
def test_every_label_written_in_the_template_reads_back_as_itself(labels: list[str], template: str) -> None:
    parser = AnswerParser(labels, answer_template=template)
    for label in labels:
        assert parser.parse(AnswerTemplate(template).render(label, None)).label == label
    assert parser.unreadable == 0


@settings(max_examples=200, deadline=None)
@given(LABELS, st.sampled_from(["{mark}", "Answer: {mark}", "({mark}) {label}", "Answer: {mark}. {label}"]), st.data())
def test_every_mark_written_in_the_template_reads_back_as_its_label(
    labels: list[str], template: str, data: st.DataObject
) -> None:
    enumeration: Any = data.draw(st.sampled_from(["letters", "numbers"]))
    try:
        choices = Choices(labels, enumeration)
    except PromptInvalidError:
        assume(False)
    parser = AnswerParser(labels, answer_template=template, enumeration=enumeration)
    for label, mark in zip(labels, choices.marks, strict=True):
        assert parser.parse(AnswerTemplate(template).render(label, mark)).label == label


WORDS = st.sampled_from(["dog", "cat", "hot", "horse", "is", "a", "not", "Answer:", "\n", ".", "{", "}", "B)"])


def named_in(text: str) -> set[str]:
    """The animals that stand in a text as words, by another way than the parser's."""
    words = re.findall(r"\w+", text)
    pairs = {" ".join(pair) for pair in pairwise(words)}
    alone = {word for place, word in enumerate(words) if (words[place - 1 : place], word) != (["hot"], "dog")}
    return set(ANIMALS) & (pairs | alone)


@settings(max_examples=500, deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_what_is_read_is_named_and_without_a_template_line_it_alone_is_named(text: str) -> None:
    parsed = AnswerParser(ANIMALS).parse(re.sub(r"hot\W+dog", "hot dog", text))
    named = named_in(text)
    assert parsed.label is None or parsed.label in named
    if "Answer:" not in text:
        readable = len(named) == 1 and parsed.how != "negated"
        assert (parsed.label is not None) == readable
        assert parsed.how != "negated" or "not" in text


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_parser_fail_and_every_text_is_counted(text: str) -> None:
    parser = AnswerParser(["dog", "cat"], enumeration="letters")
    assert Counter([parser.parse(text).how]) == parser.counts


@pytest.mark.parametrize("piece", ["*", "{", "[", "\n", "answer ", "dog ", "(A) ", '{"a":', "Answer:", "> # "])
def test_a_long_monotonous_answer_is_read_in_reasonable_time(piece: str) -> None:
    parser = AnswerParser(["dog", "cat"], answer_template="**Answer:** {label}", enumeration="letters")
    started = time.perf_counter()
    parser.parse(piece * (20_000 // len(piece)))
    assert time.perf_counter() - started < 5
