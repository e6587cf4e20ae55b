"""Demonstrations inside DSPy: in the messages of a real Predict, and behind dspy.Retrieve."""

from __future__ import annotations

from typing import Any

import dspy
import pytest
from dspy.utils import DummyLM

from invariantselect import Client
from invariantselect.adapters.dspy import DemonstrationSource
from invariantselect.errors import ImageNotFoundError
from invariantselect.image_inputs import data_uri
from tests.client.adapters.conftest import SmallPool, colour_of, png

QUERY = data_uri(png("white"))


@pytest.fixture
def source(client: Client) -> DemonstrationSource:
    return DemonstrationSource(client, "animals", k=2)


def test_examples_carry_the_demonstrations_in_prompt_order(source: DemonstrationSource, pool: SmallPool) -> None:
    examples = source(QUERY)
    assert [(each.id, each.label, each.score, each.rank) for each in examples] == [
        ("b/cat.png", "cat", 0.8, 2),
        ("a/dog.png", "dog", 0.9, 1),
    ]
    assert all(isinstance(each, dspy.Example) and isinstance(each.image, dspy.Image) for each in examples)
    assert examples[0].inputs().keys() == ["image"]
    assert colour_of(examples[1].image.url) == (255, 0, 0)
    assert examples[1].metadata == {"age": 1}
    assert pool.selects[0]["query"]["image"] == QUERY


@pytest.mark.parametrize("form", [dspy.Image(QUERY), png("white")], ids=["dspy.Image", "bytes"])
def test_a_query_may_be(form: Any, source: DemonstrationSource, pool: SmallPool) -> None:
    assert len(source(form)) == 2
    assert colour_of(pool.selects[0]["query"]["image"]) == (255, 255, 255)


def test_an_image_that_is_only_a_url_is_not_fetched(source: DemonstrationSource) -> None:
    with pytest.raises(ImageNotFoundError, match="URL"):
        source(dspy.Image("https://example.com/query.png"))


def test_fields_are_named_after_the_signature(client: Client) -> None:
    (example,) = DemonstrationSource(client, "animals", image_field="scan", label_field="finding", k=1)(QUERY)
    assert example.finding == "dog"
    assert example.inputs().keys() == ["scan"]


def test_dspys_own_retrieve_returns_the_labels(source: DemonstrationSource) -> None:
    with dspy.context(rm=source):
        assert dspy.Retrieve(k=3)(QUERY).passages == ["dog", "cat", "dog"]


def test_a_predict_shows_the_demonstrations_images_and_labels_to_the_model(source: DemonstrationSource) -> None:
    model, query = DummyLM([{"label": "cat"}]), dspy.Image(QUERY)
    classify = dspy.Predict("image: dspy.Image -> label: str")
    with dspy.context(lm=model, adapter=dspy.ChatAdapter()):
        answer = classify(image=query, demos=source(query))
    assert answer.label == "cat"
    messages = model.history[-1]["messages"]
    urls = [
        part["image_url"]["url"]
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    assert [colour_of(url) for url in urls] == [(0, 128, 0), (255, 0, 0), (255, 255, 255)]
    shown = [message["content"] for message in messages if message["role"] == "assistant"]
    assert ["cat" in shown[0], "dog" in shown[1]] == [True, True]
