"""The wire, against a real server of real models: `transformers serve` with a tiny vision-language model.

Nothing is said about accuracy: the weights are random. What is held is that the served model was shown what the same
model is shown without any wire between, to the last pixel and byte.
"""

from __future__ import annotations

import io
import json
import os
import queue
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.learners.learner import Question
from evaluation.learners.lmm import Lmm, LmmOptions
from evaluation.learners.lmm.request import messages_of
from invariantselect.errors import LearnerModelUnknownError
from tests.evaluation.learners.lmm.endpoints import question

pytestmark = pytest.mark.skipif(
    not (find_spec("transformers") and find_spec("accelerate")), reason="transformers[serving] is not installed"
)

ROOT = Path(__file__).parents[4]
STARTED = "Uvicorn running on "
OPTIONS = {"model": "tiny", "most_tokens": 1, "retries": 0, "timeout_seconds": 60.0}
QUESTIONS = [question(f"q{number}", labels) for number in range(6) for labels in ((), ("cat",), ("fox", "dog", "cat"))]


def scene(id: str) -> bytes:
    """An image file of coloured noise, of its own for each id."""
    pixels = np.random.default_rng(zlib.crc32(id.encode())).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class Served:
    """A running server, and what its model says to each question when it is asked directly."""

    url: str
    answered: list[dict[str, object]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    asked = [messages_of(each, LmmOptions("tiny"), scene) for each in QUESTIONS]
    (folder / "asked.json").write_text(json.dumps(asked))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")]),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hub"),
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.evaluation.learners.lmm.tiny_model_driver", str(folder)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield Served(_address(process), json.loads((folder / "answered.json").read_text()))
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    """The address that a server names when it has started; its words go on being read, or it would stop to wait."""
    said: list[str] = []
    started: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if STARTED in line:
                started.put(line.partition(STARTED)[2].split()[0])
        started.put(None)

    threading.Thread(target=listen, daemon=True).start()
    address = started.get(timeout=240)
    assert address is not None, "".join(said[-30:])
    return f"{address}/v1"


async def ask(served: Served, cache: Path, questions: list[Question]) -> tuple[list[object], Lmm]:
    lmm = Lmm(LmmOptions(base_url=served.url, **OPTIONS), picture=scene, cache=cache)  # type: ignore[arg-type]
    try:
        return [await lmm.answer(each) for each in questions], lmm
    finally:
        await lmm.aclose()


async def test_a_served_model_says_what_it_says_without_a_wire(served: Served, tmp_path: Path) -> None:
    answers, lmm = await ask(served, tmp_path, QUESTIONS)
    expected = [each["text"] for each in served.answered]
    assert [(answer.label, answer.raw) for answer in answers] == [(text, text) for text in expected]  # type: ignore[attr-defined]
    alone = [text for text, each in zip(expected, QUESTIONS, strict=True) if not each.ids]
    assert len(set(alone)) > 1, "a model that says the same to every picture would prove nothing"
    assert {answer.confidence for answer in answers} == {1.0}  # type: ignore[attr-defined]
    assert lmm.spent.requests == len(QUESTIONS)
    assert lmm.spent.prompt_tokens == sum(each["tokens"] for each in served.answered)  # type: ignore[misc]
    assert lmm.spent.answer_tokens == len(QUESTIONS)

    again, free = await ask(served, tmp_path, QUESTIONS)
    assert again == answers
    assert (free.spent.requests, free.spent.cached) == (0, len(QUESTIONS))


async def test_a_model_that_isnt_served_is_said_to_be_unknown(served: Served) -> None:
    lmm = Lmm(LmmOptions("giant", served.url, retries=0), picture=scene, cache=None)
    with pytest.raises(LearnerModelUnknownError, match="giant"):
        await lmm.answer(QUESTIONS[0])
    await lmm.aclose()
