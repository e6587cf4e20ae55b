"""Confidence against probabilities multiplied by hand."""

from __future__ import annotations

import math

import pytest

from evaluation.learners.lmm.confidence import confidence_of
from evaluation.learners.lmm.reply import Reply, Token
from tests.client.scripted_server import ScriptedServer, as_json
from tests.evaluation.learners.lmm.endpoints import asking, completion, question


@pytest.mark.parametrize(
    ("tokens", "label", "expected"),
    [
        ([("Answer", 0.5), (":", 0.5), (" cat", 0.8)], "cat", 0.8),
        ([("Answer", 0.5), (": c", 0.9), ("at", 0.7), (".", 0.1)], "cat", 0.9 * 0.7),
        ([("cat", 0.1), (" no ", 0.2), ("Cat", 0.6)], "cat", 0.6),
        ([("mel", 0.9), ("anoma in", 0.8), (" situ", 0.7)], "melanoma in situ", 0.9 * 0.8 * 0.7),
        ([("B", 0.6), (".", 0.5)], "cat", 0.6 * 0.5),  # not spelt out: all of it
        ([("cat", 1.0), ("", 0.3), ("s", 0.2)], "cat", 1.0),
    ],
)
def test_it_is_the_probability_of_the_tokens_that_spell_the_label(
    tokens: list[tuple[str, float]], label: str, expected: float
) -> None:
    reply = Reply("…", tokens=tuple(Token(text, math.log(p)) for text, p in tokens))
    assert confidence_of(reply, label) == pytest.approx(expected)


async def test_it_is_read_from_the_wire(server: ScriptedServer) -> None:
    server.script(completion("Answer: fox", logprobs=[("Answer:", 0.5), (" fo", 0.5), ("x", 0.25)]))
    async with asking(server) as lmm:
        answer = await lmm.answer(question())
    assert (answer.label, answer.confidence) == ("fox", pytest.approx(0.125))


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        "none",
        {"content": None},
        {"content": []},
        {"tokens": ["fox"], "token_logprobs": [-0.1]},
        {"content": [{"token": "fox"}]},
        {"content": [{"token": "fox", "logprob": "x"}]},
    ],
)
async def test_without_probabilities_that_can_be_read_it_is_the_constant(
    server: ScriptedServer, logprobs: object
) -> None:
    server.script(as_json({"choices": [{"message": {"content": "fox"}, "logprobs": logprobs}]}))
    async with asking(server) as lmm:
        assert (await lmm.answer(question())).confidence == 1.0


async def test_probabilities_that_are_none_stay_between_0_and_1(server: ScriptedServer) -> None:
    logprobs = {"content": [{"token": "fox", "logprob": 3.0}]}
    least = {"content": [{"token": "fox", "logprob": -1e300}, {"token": "", "logprob": -1e300}]}
    server.script(
        *(as_json({"choices": [{"message": {"content": "fox"}, "logprobs": each}]}) for each in (logprobs, least))
    )
    async with asking(server) as lmm:
        assert (await lmm.answer(question("q0"))).confidence == 1.0
        assert (await lmm.answer(question("q1"))).confidence == 0.0
