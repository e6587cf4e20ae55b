"""What is sent, and what becomes of what comes back."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from evaluation.learners.learner import Answer, AsyncLearner
from invariantselect.prompts import ImageBudget
from invariantselect.selection import Selection
from invariantselect.wire.selections import Selected
from invariantselect.wire.selections import Selection as WireSelection
from tests.client.scripted_server import ScriptedServer
from tests.evaluation.learners.lmm.endpoints import asking, completion, picture, question, refusal


async def test_it_is_a_learner_that_asks_over_a_network(server: ScriptedServer) -> None:
    async with asking(server) as lmm:
        assert isinstance(lmm, AsyncLearner)


async def test_the_prompt_is_the_one_that_a_users_pipeline_would_send(server: ScriptedServer) -> None:
    server.script(completion("Answer: dog"))
    async with asking(server, question="Which animal?") as lmm:
        answer = await lmm.answer(question())
    assert answer == Answer("dog", 1.0, "Answer: dog")

    wire = WireSelection(
        pool="p",
        snapshot=1,
        encoder="e",
        fingerprint="f",
        strategy="topk_nearest",
        k=2,
        shortfall=0,
        demonstrations=[  # as the service orders them unless told otherwise: the nearest last
            Selected(id="d1", label="dog", score=0.8, rank=2, image_url="/1", media_type="image/png"),
            Selected(id="d0", label="cat", score=0.9, rank=1, image_url="/0", media_type="image/png"),
        ],
    )
    selection = Selection.from_wire(wire, images={id: picture(id) for id in ("d0", "d1")}, query_image=picture("q0"))
    expected = selection.to_openai("Which animal?", choices=["cat", "dog", "fox"], budget=ImageBudget(max_side=336))
    sent = server.received[0].json
    assert sent.pop("messages") == expected
    assert sent == {"model": "tiny", "temperature": 0.0, "seed": 0, "logprobs": True, "max_tokens": 64}
    assert server.received[0].path == "/v1/chat/completions"


async def test_zero_shots_ask_the_same_question_of_the_query_alone(server: ScriptedServer) -> None:
    server.script(completion("Answer: cat"), completion("Answer: cat"))
    async with asking(server) as lmm:
        await lmm.answer(question())
        assert (await lmm.answer(question(labels=()))).label == "cat"
    shown, alone = (received.json["messages"] for received in server.received)
    assert alone == [shown[0], shown[-1]]


async def test_images_are_sent_no_larger_than_asked(server: ScriptedServer) -> None:
    server.script(completion("Answer: cat"))
    async with asking(server, image_side=9) as lmm:
        await lmm.answer(question(labels=()))
    uri = server.received[0].json["messages"][-1]["content"][0]["image_url"]["url"]
    assert Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size == (9, 8)


@pytest.mark.parametrize("text", ["", None, "I can't tell.", "a cat or a dog", "Answer: wolf"])
async def test_what_cant_be_read_is_no_answer_and_keeps_its_words(server: ScriptedServer, text: str | None) -> None:
    server.script(completion(text, logprobs=[("x", 0.5)]))
    async with asking(server) as lmm:
        assert await lmm.answer(question()) == Answer(None, 0.0, text)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Let's see. The first example shows a cat, which", None),
        ("cat", "cat"),
        ("cat fish", None),
        ("Answer: cat", None),
        ("The first shows a dog.\nThe last", None),
        ("Answer: cat\nFor its ears are", "cat"),
        ('{"answer": "cat"}\nFor', "cat"),
        ("Answer: cat\nAnswer: do", "cat"),
        (None, None),
    ],
)
async def test_of_a_reply_that_was_cut_off_only_a_whole_answer_counts(
    server: ScriptedServer, text: str | None, label: str | None
) -> None:
    server.script(completion(text, finish="length"))
    async with asking(server) as lmm:
        found = await lmm.answer(question())
    assert (found.label, found.raw) == (label, text)


@pytest.mark.parametrize(
    "refused",
    [
        completion(None, refusal="I can't say whether this is a cat."),
        refusal(400, "I can't say whether this is a cat.", code="content_filter"),
        refusal(400, "I can't say whether this is a cat.", code="content_policy_violation"),
    ],
)
async def test_a_refusal_is_no_answer_even_if_it_names_a_class(
    server: ScriptedServer, tmp_path: Path, refused: object
) -> None:
    server.script(refused)  # type: ignore[arg-type]
    for _ in range(2):
        async with asking(server, tmp_path) as lmm:
            assert await lmm.answer(question()) == Answer(None, 0.0, "I can't say whether this is a cat.")
    assert len(server.received) == 1


async def test_the_name_tells_apart_all_that_answers_hang_on(server: ScriptedServer) -> None:
    names = set()
    changes = (
        {},
        {"question": "What?"},
        {"image_side": 100},
        {"most_tokens": 9},
        {"layout": "images_first"},
        {"model": "m2"},
    )
    for options in (*changes, {"base_url": f"{server.url}/v2"}):
        async with asking(server, **options) as lmm:
            names.add(lmm.name)
    assert len(names) == 7
    async with asking(server, retries=0, concurrency=1, most_requests=3, timeout_seconds=9.0) as lmm:
        assert lmm.name in names


async def test_the_usual_name_is_the_models(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    async with asking(server, base_url=None, model="gpt-4o") as lmm:
        assert lmm.name == "lmm:gpt-4o"
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    async with asking(server, base_url=None, model="gpt-4o") as other:
        assert other.name.startswith("lmm:gpt-4o ")
