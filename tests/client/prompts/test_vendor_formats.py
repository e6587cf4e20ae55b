"""Rendered prompts are what the vendors' own SDKs take and send, checked against their types and over their wire."""

from __future__ import annotations

import copy
import importlib
import json
import types
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from invariantselect.answers import AnswerParser
from invariantselect.selection import Selection
from tests.client.prompts.conforming import complaints
from tests.client.prompts.conftest import encoded, make_selection, noise

QUESTION = "Which animal is this?"


@pytest.fixture(scope="module")
def vendors() -> Iterator[SimpleNamespace]:
    """The vendors' SDKs; what they warn about while they are imported is their own business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = ["openai", "openai.types.chat", "openai.types.responses", "anthropic", "anthropic.types"]
        for name in names:
            importlib.import_module(name)
        yield SimpleNamespace(
            openai=importlib.import_module("openai"),
            anthropic=importlib.import_module("anthropic"),
            genai=importlib.import_module("google.genai"),
            gemini_types=importlib.import_module("google.genai.types"),
        )


def chat_messages(vendors: SimpleNamespace) -> Any:
    return types.GenericAlias(list, (vendors.openai.types.chat.ChatCompletionMessageParam,))


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "images first": {"layout": "images_first"},
    "choices": {"choices": ["cat", "dog"], "system": "You are a vet."},
    "marks": {"choices": "from_demonstrations", "enumeration": "letters", "answer_template": "{mark}"},
}


@pytest.fixture(params=[(shots, name) for shots in (0, 1, 3) for name in VARIANTS if shots or name != "marks"], ids=str)
def variant(request: pytest.FixtureRequest) -> tuple[Selection, dict[str, Any]]:
    shots, name = request.param
    return make_selection(["cat", "dog", "cat"][:shots], query=encoded(noise(150, 140))), VARIANTS[name]


def test_chat_messages_are_of_openais_types(vendors: SimpleNamespace, variant: tuple[Selection, Any]) -> None:
    selection, options = variant
    messages = selection.to_openai(QUESTION, detail="low", **options)
    assert complaints(messages, chat_messages(vendors)) == []
    assert json.loads(json.dumps(messages)) == messages


def test_responses_input_is_of_openais_types(vendors: SimpleNamespace, variant: tuple[Selection, Any]) -> None:
    selection, options = variant
    items = selection.to_responses(QUESTION, **options)
    assert complaints(items, vendors.openai.types.responses.ResponseInputParam) == []
    assert json.loads(json.dumps(items)) == items


@pytest.mark.parametrize("cache", [None, "5m", "1h"])
def test_anthropic_arguments_are_of_anthropics_types(
    vendors: SimpleNamespace, variant: tuple[Selection, Any], cache: Any
) -> None:
    selection, options = variant
    arguments = selection.to_anthropic(QUESTION, cache=cache, **options)
    kind = vendors.anthropic.types.message_create_params.MessageCreateParamsNonStreaming
    assert complaints({"model": "m", "max_tokens": 9, **arguments}, kind) == []
    assert json.loads(json.dumps(arguments)) == arguments


def test_gemini_contents_are_of_googles_types(vendors: SimpleNamespace, variant: tuple[Selection, Any]) -> None:
    selection, options = variant
    body = selection.to_gemini(QUESTION, **options)
    assert set(body) == {"contents", "system_instruction"}
    assert json.loads(json.dumps(body)) == body
    kind = vendors.gemini_types.Content
    for content in [*body["contents"], body["system_instruction"]]:
        parsed = kind.model_validate(content)  # unknown keys are forbidden by the type itself
        assert parsed.model_dump(mode="json", exclude_none=True) == _standard_base64(content)


def _standard_base64(content: dict[str, Any]) -> dict[str, Any]:
    """Google's types dump base64 in its URL-safe alphabet."""
    content = copy.deepcopy(content)
    for part in content["parts"]:
        if "inline_data" in part:
            part["inline_data"]["data"] = part["inline_data"]["data"].replace("+", "-").replace("/", "_")
    return content


def test_the_check_itself_finds_what_is_wrong_deep_inside(vendors: SimpleNamespace, selection: Selection) -> None:
    chat = chat_messages(vendors)
    messages = selection.to_openai(QUESTION)
    damages: list[Callable[[Any], None]] = [
        lambda m: m[1]["content"][0].update(extra=1),
        lambda m: m[1]["content"][0]["image_url"].pop("url"),
        lambda m: m[1]["content"][0]["image_url"].update(detail="huge"),
        lambda m: m[1]["content"][1].update(text=None),
        lambda m: m[2].update(role="model"),
        lambda m: m.append({"role": "user"}),
    ]
    for damage in damages:
        damaged = copy.deepcopy(messages)
        damage(damaged)
        assert complaints(damaged, chat)


# ── over the wire: each SDK sends exactly what was rendered, and its answer is read back ─────────────────────────────


class Endpoint:
    """Answers every request of a vendor's SDK with one canned body, and keeps what was sent."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.sent: dict[str, Any] = {}

    def client_of(self, httpx: Any) -> Any:
        def handle(request: Any) -> Any:
            self.sent = json.loads(request.content)
            return httpx.Response(200, json=self.answer)

        return httpx.Client(transport=httpx.MockTransport(handle))


def _http_library(vendor_client: Any) -> Any:
    """httpx or httpx2, whichever the SDK was built on."""
    return importlib.import_module(vendor_client.__init__.__annotations__["http_client"].split(".")[0])


def test_openais_sdk_sends_the_messages_and_its_answer_is_read(vendors: SimpleNamespace, selection: Selection) -> None:
    message = {"role": "assistant", "content": "Answer: cat", "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
    endpoint = Endpoint({"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]})
    kind = vendors.openai.OpenAI
    messages = selection.to_openai(QUESTION)
    with kind(api_key="k", http_client=endpoint.client_of(_http_library(kind))) as client:
        answer = client.chat.completions.create(model="m", messages=messages)
    assert endpoint.sent["messages"] == messages
    assert AnswerParser(["cat", "dog"]).parse(answer.choices[0].message.content).label == "cat"


def test_openais_sdk_sends_the_responses_input(vendors: SimpleNamespace, selection: Selection) -> None:
    text = {"type": "output_text", "text": "Answer: dog", "annotations": []}
    output = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    endpoint = Endpoint({"id": "r", "object": "response", "created_at": 0, "model": "m", "output": [output]})
    kind = vendors.openai.OpenAI
    items = selection.to_responses(QUESTION)
    with kind(api_key="k", http_client=endpoint.client_of(_http_library(kind))) as client:
        answer = client.responses.create(model="m", input=items)
    assert endpoint.sent["input"] == items
    assert AnswerParser(["cat", "dog"]).parse(answer.output_text).label == "dog"


def test_anthropics_sdk_sends_the_arguments(vendors: SimpleNamespace, selection: Selection) -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}
    answer = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "usage": usage,
        "stop_reason": "end_turn",
    }
    endpoint = Endpoint({**answer, "content": [{"type": "text", "text": "Answer: cat"}]})
    kind = vendors.anthropic.Anthropic
    arguments = selection.to_anthropic(QUESTION, cache="5m")
    with kind(api_key="k", http_client=endpoint.client_of(_http_library(kind))) as client:
        reply = client.messages.create(model="m", max_tokens=9, **arguments)
    assert {key: endpoint.sent[key] for key in arguments} == arguments
    assert AnswerParser(["cat", "dog"]).parse(reply.content[0].text).label == "cat"


def test_googles_sdk_sends_the_contents(vendors: SimpleNamespace, selection: Selection) -> None:
    endpoint = Endpoint({"candidates": [{"content": {"role": "model", "parts": [{"text": "Answer: dog"}]}}]})
    body = selection.to_gemini(QUESTION)
    options = vendors.gemini_types.HttpOptions(httpx_client=endpoint.client_of(importlib.import_module("httpx")))
    client = vendors.genai.Client(api_key="k", http_options=options)
    config = {"system_instruction": body["system_instruction"]}
    answer = client.models.generate_content(model="m", contents=body["contents"], config=config)
    sent = [vendors.gemini_types.Content.model_validate(content) for content in endpoint.sent["contents"]]
    assert sent == [vendors.gemini_types.Content.model_validate(content) for content in body["contents"]]
    assert endpoint.sent["systemInstruction"]["parts"] == body["system_instruction"]["parts"]
    assert AnswerParser(["cat", "dog"]).parse(answer.text).label == "dog"
