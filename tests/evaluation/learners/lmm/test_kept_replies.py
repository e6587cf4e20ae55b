"""A rerun costs nothing, the same is never asked twice, and what is damaged is asked again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evaluation.learners.lmm.budget import Tokens
from evaluation.learners.lmm.kept_replies import KeptReplies
from evaluation.learners.lmm.reply import Reply, Token
from tests.client.scripted_server import ScriptedServer
from tests.evaluation.learners.lmm.endpoints import asking, completion, question

ROOT = Path(__file__).parents[4]
DRIVER = [sys.executable, "-m", "tests.evaluation.learners.lmm.keeping_driver"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}
KEY = "ab" + 62 * "0"
WHOLE = Reply("Answer: löwe\n\x00", tokens=(Token(" lö", -0.25), Token("we", -1e-9)), used=Tokens(7, 2))


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.reply"))


async def test_a_rerun_gives_the_same_answers_and_asks_nothing(server: ScriptedServer, tmp_path: Path) -> None:
    server.respond = lambda request: completion("Answer: cat", logprobs=[("Answer:", 0.5), (" cat", 0.3)])
    questions = [question("q0"), question("q1"), question("q1", ("dog",)), question("q1", ())]
    answers = []
    for _ in range(2):
        async with asking(server, tmp_path) as lmm:
            answers.append([await lmm.answer(each) for each in questions])
            cached = lmm.spent.cached
    assert answers[0] == answers[1]
    assert (len(server.received), cached) == (4, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"base_url": "/v2"},
        {"question": "What?"},
        {"image_side": 9},
        {"most_tokens": 3},
        {"layout": "images_first"},
    ],
)
async def test_another_request_is_another_reply(
    server: ScriptedServer, tmp_path: Path, change: dict[str, object]
) -> None:
    server.respond = lambda request: completion("cat")
    async with asking(server, tmp_path) as lmm:
        await lmm.answer(question())
    if "base_url" in change:
        change = {"base_url": f"{server.url}/v2"}
    async with asking(server, tmp_path, **change) as lmm:
        await lmm.answer(question())
    assert len(server.received) == 2


async def test_another_picture_under_the_same_id_is_another_request(server: ScriptedServer, tmp_path: Path) -> None:
    server.respond = lambda request: completion("cat")
    async with asking(server, tmp_path) as lmm:
        await lmm.answer(question())
        lmm._picture = lambda id, real=lmm._picture: real(id + "x")  # type: ignore[misc]
        await lmm.answer(question())
    assert len(server.received) == 2


async def test_the_same_asked_at_once_is_asked_once(server: ScriptedServer, tmp_path: Path) -> None:
    server.respond = lambda request: completion("cat")
    async with asking(server, tmp_path, concurrency=8) as lmm:
        answers = await asyncio.gather(*(lmm.answer(question()) for _ in range(20)))
        assert lmm.spent.cached == 19
    assert len(server.received) == 1
    assert set(answers) == {answers[0]}


async def test_without_a_cache_nothing_is_kept(server: ScriptedServer) -> None:
    server.respond = lambda request: completion("cat")
    async with asking(server) as lmm:
        for _ in range(2):
            await lmm.answer(question())
    assert len(server.received) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"cat", b"dog"),
        lambda content: content + b" ",
        lambda content: b"\xff" * len(content),
        lambda content: _sealed(b'{"text": 5}'),
        lambda content: _sealed(b"[]"),
    ],
)
async def test_a_damaged_entry_is_asked_again_and_mended(
    server: ScriptedServer, tmp_path: Path, damage: object
) -> None:
    server.respond = lambda request: completion("cat")
    async with asking(server, tmp_path) as lmm:
        await lmm.answer(question())
    (entry,) = entries(tmp_path)
    good = entry.read_bytes()
    entry.write_bytes(damage(good))  # type: ignore[operator]
    for _ in range(2):
        async with asking(server, tmp_path) as lmm:
            assert (await lmm.answer(question())).label == "cat"
    assert len(server.received) == 2
    assert entry.read_bytes() == good


def _sealed(payload: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def test_a_reply_comes_back_whole(tmp_path: Path) -> None:
    KeptReplies(tmp_path).keep_reply(KEY, WHOLE)
    assert KeptReplies(tmp_path).reply(KEY) == WHOLE
    assert KeptReplies(tmp_path).reply("cd" + KEY[2:]) is None


def test_who_reads_meanwhile_sees_a_whole_reply(tmp_path: Path) -> None:
    kept, over = KeptReplies(tmp_path), threading.Event()
    replies = [Reply(text * 50_000) for text in "ab"]
    kept.keep_reply(KEY, replies[0])
    seen: list[Reply | None] = []

    def read() -> None:
        while not over.is_set():
            seen.append(kept.reply(KEY))

    def write() -> None:
        for number in range(10):
            KeptReplies(tmp_path).keep_reply(KEY, replies[number % 2])

    readers, writers = (
        [threading.Thread(target=read) for _ in range(2)],
        [threading.Thread(target=write) for _ in range(3)],
    )
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()
    assert len(seen) > 2
    assert set(seen) <= set(replies)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{KEY}.reply"]


@pytest.mark.parametrize("where", ["before fsync", "after fsync", "before replace", "after replace"])
def test_a_process_that_is_killed_leaves_whole_replies_or_none(tmp_path: Path, where: str) -> None:
    driven = subprocess.run([*DRIVER, str(tmp_path), where], cwd=ROOT, env=ENVIRONMENT, check=False)
    assert driven.returncode == -signal.SIGKILL
    kept = KeptReplies(tmp_path)
    assert kept.reply("aa" + 62 * "0") == Reply("first")
    assert kept.reply("bb" + 62 * "0") == (Reply("second") if where == "after replace" else None)
    kept.keep_reply("bb" + 62 * "0", Reply("third"))
    assert kept.reply("bb" + 62 * "0") == Reply("third")


def test_a_reply_that_was_of_use_counts_as_touched(tmp_path: Path) -> None:
    kept = KeptReplies(tmp_path)
    kept.keep_reply(KEY, WHOLE)
    kept.keep_refused(64 * "1", ("seed",))
    for path in entries(tmp_path):
        os.utime(path, (1, 1))
    assert kept.reply(KEY) == WHOLE
    assert kept.refused(64 * "1") == ("seed",)
    touched = {path.stem: path.stat().st_mtime > 1 for path in entries(tmp_path)}
    assert touched == {KEY: True, 64 * "1": False}, "what an endpoint refuses is asked again some day"
