"""A model's words become a label, or are counted as unreadable; never a guess."""

from __future__ import annotations

import doctest
import threading
from typing import Any

import pytest

from invariantselect import answers
from invariantselect.answers import AnswerParser
from invariantselect.errors import PromptInvalidError

ANIMALS = ["dog", "cat", "hot dog", "horse"]
SKIN = ["melanoma", "melanoma in situ", "nevus", "no lesion"]

READABLE = [
    ("Answer: dog", "dog", "template"),
    ("answer : DOG", "dog", "template"),
    ("**Answer:** Dog.", "dog", "template"),
    ("**Answer: dog**", "dog", "template"),
    ("Final answer: `cat`", "cat", "template"),
    ("Answer:\n\n**cat**\n", "cat", "template"),
    ("It is not a dog and no horse.\nAnswer: cat", "cat", "template"),
    ("Answer: a dog, I think", "dog", "template"),
    ("Answer: <label>\nAnswer: dog", "dog", "template"),
    ("Ａｎｓｗｅｒ：　ｄｏｇ", "dog", "template"),
    ("dog", "dog", "name"),
    ("  “Dog”!  ", "dog", "name"),
    ("- hot_dog", "hot dog", "name"),
    ("# Cat", "cat", "name"),
    ("The picture shows a Hot-Dog.", "hot dog", "mention"),
    ("The dog's ears give it away", "dog", "mention"),
    ("A dog. Yes, clearly a dog.", "dog", "mention"),
    ("No. It is a dog", "dog", "mention"),
    ('{"answer": "dog"}', "dog", "json"),
    ('```json\n{"reason": "no cat, no horse", "Answer": "Dog"}\n```', "dog", "json"),
    ('Sure! {"label": ["cat"]} Anything else?', "cat", "json"),
    ("<think>dog? cat? horse?</think>\nhorse", "horse", "name"),
]

UNREADABLE = [
    ("", "empty"),
    (" \n\t", "empty"),
    (None, "empty"),
    ("<think>a dog", "empty"),
    ("I can't see anything.", "unknown"),
    ("This category of dogged cats-and-dogs", "unknown"),
    ("non-dog", "unknown"),
    ("Answer: fox\nNot a dog.", "unknown"),
    ('{"answer": null, "seen": "dog"}', "unknown"),
    ('{"answer": {"is": "dog"}}', "unknown"),
    ("A dog or a cat.", "ambiguous"),
    ("dog\ncat", "ambiguous"),
    ("dog/cat", "ambiguous"),
    ("Answer: dog\nAnswer: cat", "ambiguous"),
    ("Answer: a dog or a cat. Answer: dog", "ambiguous"),
    ('{"answer": ["dog", "cat"]}', "ambiguous"),
    ('{"answer": "dog"} {"answer": "cat"}', "ambiguous"),
    ("not a dog", "negated"),
    ("This isn’t a dog.", "negated"),
    ("A dog can be ruled out", "negated"),
    ("Answer: not a dog", "negated"),
    ("Dog: no", "negated"),
    ("Dog? No.", "negated"),
    ("**Dog**: absent", "negated"),
]


@pytest.mark.parametrize(("text", "label", "how"), READABLE)
def test_an_answer_is_read(text: str, label: str, how: str) -> None:
    parsed = AnswerParser(ANIMALS).parse(text)
    assert (parsed.label, parsed.how) == (label, how)


@pytest.mark.parametrize(("text", "why"), UNREADABLE)
def test_an_answer_that_names_no_single_label_is_unreadable_and_says_why(text: str | None, why: str) -> None:
    parsed = AnswerParser(ANIMALS).parse(text)
    assert (parsed.label, parsed.how) == (None, why)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("This is melanoma in situ.", "melanoma in situ"),
        ("melanoma", "melanoma"),
        ("a melanoma, in a situation", "melanoma"),
        ("There is no lesion.", "no lesion"),
        ("A non-melanoma skin tumour", None),
        ("melanoma in situ or melanoma", None),
        ("no melanoma", None),
    ],
)
def test_the_longest_label_wins_where_one_contains_another(text: str, label: str | None) -> None:
    assert AnswerParser(SKIN).parse(text).label == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("B", "cat"),
        ("(b)", "cat"),
        ("B.", "cat"),
        ("B) cat", "cat"),
        ("Answer: B", "cat"),
        ("Answer: B. cat", "cat"),
        ("answer: cat", "cat"),
        ("The answer is **B** because of the whiskers", "cat"),
        ("I choose option B.", "cat"),
        ("I think it is (B)", "cat"),
        ('{"answer": "B"}', "cat"),
        ("A. cat", None),
        ("A or B", None),
        ("not (A)", None),
        ("A fox", None),
        ("E", None),
    ],
)
def test_enumerated_choices_are_read_by_their_marks(text: str, label: str | None) -> None:
    assert AnswerParser(ANIMALS, answer_template="Answer: {mark}", enumeration="letters").parse(text).label == label


def test_digits_are_labels_only_where_they_stand_alone() -> None:
    parser = AnswerParser([str(digit) for digit in range(10)])
    read = {"7": "7", "The digit is 7.": "7", '{"answer": 7}': "7", "Answer: 7,": "7"}
    assert {text: parser.parse(text).label for text in read} == read
    assert [parser.parse(text).label for text in ("1.5", "-1", "12", "1,5", "100% sure")] == [None] * 5


def test_labels_that_differ_in_punctuation_or_case_are_told_apart_or_not_read() -> None:
    parser = AnswerParser(["C", "C++", "C#", "Polish", "polish"])
    read = {"C": "C", "c++": "C++", "It is C#.": "C#", "Answer: polish": "polish", "answer: Polish": "Polish"}
    assert {text: parser.parse(text).label for text in read} == read
    assert parser.parse("POLISH").how == "ambiguous"


def test_words_of_scripts_with_combining_signs_are_whole_words() -> None:
    parser = AnswerParser(["का", "कुत्ता"])
    assert parser.parse("यह कार है").label is None
    assert parser.parse("यह कुत्ता है").label == "कुत्ता"


def test_a_key_of_a_json_template_is_looked_up() -> None:
    parser = AnswerParser(ANIMALS, answer_template='{"species": "{label}", "sure": true}')
    assert parser.parse('{"species":"cat","answer":"dog"}').label == "cat"


def test_a_template_that_ends_in_words_is_read_inside_a_text() -> None:
    parser = AnswerParser(ANIMALS, answer_template="It is a {label}, no doubt")
    assert parser.parse("Well. It is a cat, no doubt").label == "cat"


def test_what_was_read_and_not_read_is_counted() -> None:
    parser = AnswerParser(ANIMALS)
    for text in ("dog", "Answer: cat", "fox", None, "dog"):
        parser.parse(text)
    assert parser.counts == {"name": 2, "template": 1, "unknown": 1, "empty": 1}
    assert (parser.read, parser.unreadable) == (3, 2)


def test_threads_share_a_parser_and_no_answer_goes_uncounted() -> None:
    parser = AnswerParser(ANIMALS)
    threads = [threading.Thread(target=lambda: [parser.parse("dog") for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert parser.read == 1600


@pytest.mark.parametrize(
    "options", [{"choices": []}, {"choices": ["a", "a"]}, {"choices": ["a"], "answer_template": "{mark}"}], ids=str
)
def test_choices_and_templates_obey_the_rules_of_prompts(options: dict[str, Any]) -> None:
    with pytest.raises(PromptInvalidError):
        AnswerParser(**options)


def test_the_example_of_the_docstring_is_true() -> None:
    assert doctest.testmod(answers) == (0, 4)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("There is no doubt that a fracture is visible.", None),
        ("A fracture is visible. There is no displacement.", None),
        ("**Fracture present**, no dislocation.", None),
        ("The fracture is clearly visible; no prior images were provided.", None),
        ("Answer: there is no question it is fractured", None),
        ("It is not clear.", None),
        ("No.", "no"),
        ("**No**, there is no fracture.", "no"),
        ("The answer is no", "no"),
        ("Answer: no", "no"),
        ("Yes, there is no doubt.", "yes"),
    ],
)
def test_a_no_within_a_sentence_is_no_answer(text: str, label: str | None) -> None:
    assert AnswerParser(["yes", "no"]).parse(text).label == label


def test_what_an_animal_lacks_is_not_what_it_is() -> None:
    assert AnswerParser(ANIMALS).parse("The animal lacks the snout of a dog.").how == "negated"
