"""What a prompt says, in which order, and what it refuses to say."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from invariantselect.errors import ImageNotFoundError, PromptInvalidError
from invariantselect.prompts import ImageBudget
from invariantselect.prompts.wording import AnswerTemplate, Choices
from invariantselect.selection import Selection
from tests.client.prompts.conftest import encoded, make_selection, noise

QUESTION = "Which animal is this?"


def shape(messages: list[dict[str, Any]]) -> list[Any]:
    """Chat messages with every image replaced by ``#``."""
    return [
        (each["role"], each["content"])
        if isinstance(each["content"], str)
        else (each["role"], ["#" if part["type"] == "image_url" else part["text"] for part in each["content"]])
        for each in messages
    ]


def test_interleaved_shows_demonstrations_as_turns_and_the_query_last(selection: Selection) -> None:
    assert shape(selection.to_openai(QUESTION)) == [
        ("system", "Give no explanation; answer with one line of this form:\nAnswer: <label>"),
        ("user", ["#", QUESTION]),
        ("assistant", "Answer: cat"),
        ("user", ["#", QUESTION]),
        ("assistant", "Answer: dog"),
        ("user", ["#", QUESTION]),
        ("assistant", "Answer: cat"),
        ("user", ["#", QUESTION]),
    ]


def test_images_first_numbers_the_images_then_lists_the_answers_then_asks(selection: Selection) -> None:
    answers = f"{QUESTION}\nImage 1: Answer: cat\nImage 2: Answer: dog\nImage 3: Answer: cat"
    assert shape(selection.to_openai(QUESTION, layout="images_first"))[1:] == [
        ("user", ["Image 1:", "#", "Image 2:", "#", "Image 3:", "#", answers, "Image 4:", "#", QUESTION])
    ]


@pytest.mark.parametrize("layout", ["interleaved", "images_first"])
def test_without_demonstrations_the_same_question_is_asked(selection_of: Callable[..., Selection], layout: Any) -> None:
    none = selection_of([], query=encoded(noise(20, 20)))
    assert shape(none.to_openai(QUESTION, layout=layout))[1:] == [("user", ["#", QUESTION])]
    assert none.to_anthropic(QUESTION, cache="5m")["messages"][0]["content"][-1] == {"type": "text", "text": QUESTION}


def test_the_images_are_those_of_the_demonstrations_in_their_order(selection: Selection) -> None:
    blocks = [block for message in selection.to_anthropic()["messages"] for block in message["content"]]
    data = [block["source"]["data"] for block in blocks if block["type"] == "image"]
    assert len(set(data)) == len(data) == 4


def test_choices_are_listed_in_the_system_text_after_the_users_own(selection: Selection) -> None:
    system = selection.to_anthropic(choices=["dog", "cat", "fox"], system="You are a vet.")["system"]
    assert system.startswith("You are a vet.\n\nChoose one of these labels: dog, cat, fox\n\n")


def test_choices_from_demonstrations_are_the_distinct_labels_sorted(selection: Selection) -> None:
    assert "labels: cat, dog\n" in selection.to_anthropic(choices="from_demonstrations")["system"]


def test_no_labels_are_listed_unless_asked(selection: Selection) -> None:
    assert "cat" not in selection.to_anthropic()["system"]


def test_enumerated_choices_are_answered_by_their_marks(selection: Selection) -> None:
    options: dict[str, Any] = {"choices": ["dog", "cat"], "answer_template": "({mark}) {label}"}
    letters = selection.to_openai(enumeration="letters", **options)
    numbers = selection.to_openai(enumeration="numbers", **options)
    assert "labels:\nA. dog\nB. cat\n" in letters[0]["content"]
    assert letters[0]["content"].endswith("\n(<letter>) <label>")
    assert letters[2]["content"] == "(B) cat"
    assert numbers[2]["content"] == "(2) cat"


@pytest.mark.parametrize("layout", ["interleaved", "images_first"])
@pytest.mark.parametrize("total", [8_000, 15_000_000], ids=["tight", "free"])
def test_everything_before_the_query_is_the_same_for_every_query(layout: Any, total: int) -> None:
    labels, budget = ["cat", "dog"], ImageBudget(max_total_bytes=total)
    prompts = []
    for query in (noise(20, 20, 1), noise(600, 400, 2)):
        selection = make_selection(labels, query=encoded(query))
        messages = selection.to_anthropic(QUESTION, layout=layout, budget=budget, cache="1h")
        blocks = [block for message in messages["messages"] for block in message["content"]]
        marked = [place for place, block in enumerate(blocks) if "cache_control" in block]
        assert marked == [len(blocks) - (4 if layout == "images_first" else 3)]
        prompts.append((messages["system"], blocks[: marked[0] + 1], blocks[marked[0] + 1 :]))
    (system, stable, rest), (other_system, other_stable, other_rest) = prompts
    assert (system, stable) == (other_system, other_stable)
    assert rest != other_rest


def test_all_images_together_stay_within_the_total() -> None:
    selection = make_selection(["cat"] * 5, query=encoded(noise(400, 400)), side=200)
    blocks = [
        block
        for message in selection.to_anthropic(budget=ImageBudget(max_total_bytes=60_000))["messages"]
        for block in message["content"]
    ]
    sizes = [len(block["source"]["data"]) for block in blocks if block["type"] == "image"]
    assert len(sizes) == 6
    assert sum(sizes) <= 60_000


@pytest.mark.parametrize("kind", ["bytes", "path", "pillow", "file"])
def test_a_query_image_can_be_given_in_any_form(tmp_path: Path, kind: str) -> None:
    data = encoded(noise(30, 20, 5))
    (tmp_path / "query.png").write_bytes(data)
    forms: dict[str, Any] = {"bytes": data, "path": tmp_path / "query.png", "pillow": Image.open(io.BytesIO(data))}
    forms["file"] = io.BytesIO(data)
    own = make_selection(["cat"], query=data).to_openai()
    given = make_selection(["cat"], query=encoded(noise(9, 9))).to_openai(query_image=forms[kind])
    assert own == given


def test_a_selection_without_a_query_image_says_how_to_give_one() -> None:
    with pytest.raises(PromptInvalidError, match="no image of the query") as caught:
        make_selection(["cat"]).to_openai()
    assert "query_image=" in caught.value.hint


def test_a_query_image_that_is_not_there_is_named(selection: Selection, tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match=r"missing\.png"):
        selection.to_openai(query_image=tmp_path / "missing.png")


def test_a_selection_without_images_says_how_to_fetch_them(selection: Selection) -> None:
    bare = Selection.from_wire(selection, query_image=selection.query_image)
    with pytest.raises(PromptInvalidError, match="no image of 'cat/0'") as caught:
        bare.to_gemini()
    assert "images=True" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"question": "  "}, "question is blank"),
        ({"layout": "diagonal"}, "'diagonal' is none of interleaved, images_first"),
        ({"choices": ["cat", "fox"]}, "'dog' is not one of the choices"),
        ({"choices": []}, "choices is empty"),
        ({"choices": "cat, dog"}, "not the string 'cat, dog'"),
        ({"choices": ["cat", "dog", " ｃａｔ "]}, "can't be told apart"),
        ({"choices": ["cat", "dog", " "]}, "blank"),
        ({"choices": ["cat", "dog", "b"], "enumeration": "letters"}, "reads like the mark"),
        ({"choices": ["cat", "dog", "(2)"], "enumeration": "numbers"}, "reads like the mark"),
        ({"choices": ["cat", "dog"], "enumeration": "runes"}, "not by 'runes'"),
        ({"choices": ["cat", "dog", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"], "enumeration": "letters"}, "more than there are"),
        ({"enumeration": "letters"}, "without choices"),
        ({"answer_template": "Answer:"}, "exactly once"),
        ({"answer_template": "{label} {label}"}, "exactly once"),
        ({"answer_template": "{mark}"}, "aren't enumerated"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_what_makes_no_sense_is_refused(selection: Selection, options: dict[str, Any], message: str) -> None:
    with pytest.raises(PromptInvalidError, match=message.replace("(", r"\(")):
        selection.to_openai(**options)


@given(st.text(min_size=1, max_size=12))
def test_a_template_takes_any_label_literally(label: str) -> None:
    assert AnswerTemplate('{"answer": "{label}"} {x}').render(label, None) == '{"answer": "' + label + '"} {x}'


def test_marks_follow_the_order_of_the_choices() -> None:
    assert Choices(["x", "y"], "numbers").marks == ("1", "2")
    assert [Choices(["dog", "cat"], "letters").mark_of(label) for label in ("dog", "cat")] == ["A", "B"]


def test_importing_the_selection_loads_neither_pillow_nor_a_vendors_sdk() -> None:
    code = (
        "import sys, invariantselect.selection, invariantselect.answers, invariantselect.adapters;"
        "print(sorted({'PIL', 'openai', 'anthropic', 'google.genai', 'dspy', 'llama_index', 'langchain_core'}"
        " & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
