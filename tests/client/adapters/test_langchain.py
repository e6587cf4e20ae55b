"""The selector inside LangChain's own few-shot prompt, and its examples on their way into the pool."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.prompts import ChatPromptTemplate, FewShotChatMessagePromptTemplate

from invariantselect import AsyncClient, Client
from invariantselect.adapters.langchain import DemonstrationSelector
from invariantselect.errors import DemonstrationInvalidError, ImageUnreadableError, PromptInvalidError
from invariantselect.image_inputs import data_uri
from invariantselect.prompts import ImageBudget
from tests.client.adapters.conftest import SmallPool, colour_of, png

QUERY = data_uri(png("white"))


def few_shot(selector: DemonstrationSelector) -> FewShotChatMessagePromptTemplate:
    example = ChatPromptTemplate.from_messages(
        [("human", [{"type": "image_url", "image_url": {"url": "{image}"}}]), ("ai", "{label}")]
    )
    return FewShotChatMessagePromptTemplate(
        example_selector=selector, example_prompt=example, input_variables=["image"]
    )


def test_examples_carry_the_demonstrations_in_prompt_order(client: Client, pool: SmallPool) -> None:
    selector = DemonstrationSelector(client, "animals", k=2, label_balance="cover")
    examples = selector.select_examples({"image": QUERY, "question": "which?"})
    assert isinstance(selector, BaseExampleSelector)
    assert [(each["id"], each["label"], each["score"], each["rank"]) for each in examples] == [
        ("b/cat.png", "cat", 0.8, 2),
        ("a/dog.png", "dog", 0.9, 1),
    ]
    assert examples[0]["metadata"] == {"age": 2}
    assert (examples[0]["domain"], examples[0]["group"]) == ("photo", None)
    assert colour_of(examples[1]["image"]) == (255, 0, 0)
    assert (pool.selects[0]["k"], pool.selects[0]["label_balance"]) == (2, "cover")
    assert pool.selects[0]["query"]["image"] == QUERY


def test_langchains_few_shot_prompt_shows_the_images_and_labels(client: Client) -> None:
    messages = few_shot(DemonstrationSelector(client, "animals", k=2)).format_messages(image=QUERY)
    assert [message.type for message in messages] == ["human", "ai", "human", "ai"]
    assert [message.content for message in messages[1::2]] == ["cat", "dog"]
    part = messages[2].content[0]
    assert isinstance(part, dict)
    assert colour_of(part["image_url"]["url"]) == (255, 0, 0)


@pytest.mark.parametrize("own", [True, False], ids=["an async client", "a thread"])
async def test_the_async_methods_do_the_same_with(
    own: bool, client: Client, async_client: AsyncClient, pool: SmallPool
) -> None:
    selector = DemonstrationSelector(client, "animals", k=2, async_client=async_client if own else None)
    examples = await selector.aselect_examples({"image": QUERY})
    assert examples == selector.select_examples({"image": QUERY})
    assert len(await few_shot(selector).aformat_messages(image=QUERY)) == 4
    assert await selector.aadd_example({"id": "new", "image": png("pink"), "label": "fox"}) == "new"
    assert [each["id"] for each in pool.upserts] == ["new"]


def test_keys_and_budget_are_the_users(client: Client) -> None:
    selector = DemonstrationSelector(
        client, "animals", k=1, image_key="scan", label_key="finding", budget=ImageBudget(encoding="jpeg")
    )
    (example,) = selector.select_examples({"scan": QUERY})
    assert example["finding"] == "dog"
    assert example["scan"].startswith("data:image/jpeg;")


def test_an_added_example_is_upserted_with_everything_it_says(client: Client, pool: SmallPool) -> None:
    given = {"id": "x", "label": "fox", "domain": "sketch", "group": "g1", "metadata": {"age": 3}}
    assert DemonstrationSelector(client, "animals").add_example({"image": png("pink"), **given}) == "x"
    sent = pool.upserts[0]
    assert {key: sent[key] for key in given} == given
    assert colour_of(sent["image"]) == (255, 192, 203)


def test_an_example_without_an_id_is_known_by_its_image(client: Client, pool: SmallPool) -> None:
    selector, image = DemonstrationSelector(client, "animals"), png("pink")
    ids = {selector.add_example({"image": image, "label": "fox"}) for _ in range(2)}
    assert ids == {hashlib.sha256(image).hexdigest()}


def test_a_refused_example_raises_the_servers_error(client: Client) -> None:
    with pytest.raises(ImageUnreadableError, match="it is torn"):
        DemonstrationSelector(client, "animals").add_example({"image": png("pink"), "label": "refuse me"})


@pytest.mark.parametrize(
    ("example", "named"),
    [({"image": b"x"}, "label"), ({"label": "fox"}, "image"), ({"image": b"x", "label": "l", "lable": "m"}, "lable")],
)
def test_an_example_with_wrong_keys_is_refused_by_name(client: Client, example: dict[str, Any], named: str) -> None:
    with pytest.raises(DemonstrationInvalidError, match=f"unknown: {named}$"):
        DemonstrationSelector(client, "animals").add_example(example)


def test_a_prompt_without_the_image_variable_is_an_error_with_a_hint(client: Client) -> None:
    with pytest.raises(PromptInvalidError, match="'image'") as caught:
        DemonstrationSelector(client, "animals").select_examples({"question": "which?"})
    assert "image_key" in caught.value.hint
