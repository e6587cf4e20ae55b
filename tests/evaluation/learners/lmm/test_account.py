"""A budget is spent once, whoever goes on: what is sent is written down before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evaluation.learners.lmm import Account, Lmm, LmmOptions
from evaluation.learners.lmm.account import Spending
from evaluation.learners.lmm.budget import Budget
from evaluation.learners.lmm.tokens import Tokens
from invariantselect.errors import LearnerBudgetSpentError, StoreCorruptError
from tests.client.scripted_server import Received, Reply, ScriptedServer
from tests.evaluation.learners.lmm.endpoints import Naps, completion, picture, question


def asker(server: ScriptedServer, account: Path, **options: object) -> Lmm:
    settled = LmmOptions("tiny", f"{server.url}/v1", **options)  # type: ignore[arg-type]
    return Lmm(settled, picture=picture, cache=None, account=Account(account), sleep=Naps())


async def answered(lmm: Lmm, count: int) -> int:
    """How many of so many questions, all open at once, were answered."""
    outcomes = await asyncio.gather(*(lmm.answer(question(f"q{n}")) for n in range(count)), return_exceptions=True)
    spent = [outcome for outcome in outcomes if isinstance(outcome, LearnerBudgetSpentError)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException) and outcome not in spent]
    assert not failed
    return count - len(spent)


async def test_whoever_goes_on_has_what_is_left(server: ScriptedServer, tmp_path: Path) -> None:
    server.respond = lambda _: completion("cat", usage=(50, 4))
    for asked, got in ((3, 3), (4, 4), (9, 3), (2, 0)):
        lmm = asker(server, tmp_path / "spent", most_requests=10)
        assert await answered(lmm, asked) == got
        await lmm.aclose()
    assert len(server.received) == 10
    assert Account(tmp_path / "spent").before == Spending(10, Tokens(500, 40))
    assert lmm.spent.requests == 10
    anew = asker(server, tmp_path / "another", most_requests=10)
    assert await answered(anew, 2) == 2
    await anew.aclose()


async def test_money_is_what_is_left_as_well(server: ScriptedServer, tmp_path: Path) -> None:
    server.respond = lambda _: completion("cat", usage=(50, 64))
    for got in (3, 0):
        lmm = asker(server, tmp_path / "spent", price_out=1e6, most_cost=64 * 3.5)
        assert await answered(lmm, 5) == got
        assert lmm.spent.cost == 64 * 3
        await lmm.aclose()


async def test_what_is_sent_has_been_written_down(server: ScriptedServer, tmp_path: Path) -> None:
    """So a process that is killed at any time has sent no more than its successor knows of."""
    folder, written = tmp_path / "spent", []

    def respond(_: Received) -> Reply:
        written.append((Account(folder).before, len(server.received)))
        return completion("cat", usage=(50, 4))

    server.respond = respond
    lmm = asker(server, folder, concurrency=8, most_requests=30)
    assert await answered(lmm, 30) == 30
    assert all(spending.requests >= received for spending, received in written)
    killed = Account(folder).before  # as it would be found if nothing were closed
    assert killed.requests == 30
    assert killed.tokens.answer >= 30 * 4
    await lmm.aclose()
    assert Account(folder).before == Spending(30, Tokens(30 * 50, 30 * 4))


def test_what_cant_be_written_down_isnt_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("evaluation.learners.lmm.account.write_durably", full)
    budget = Budget(LmmOptions("m", most_requests=1), Account(tmp_path / "spent"))
    with pytest.raises(OSError, match="full"):
        asyncio.run(budget.reserve(Tokens(1, 1)))
    assert (budget.requests, budget._open) == (0, Tokens())
    budget.close()  # says so in the log, and hides no other error


def test_one_that_was_taken_for_dead_undoes_nothing(tmp_path: Path) -> None:
    old = Account(tmp_path / "spent")
    old.write(Spending(5, Tokens(50, 5)))
    new = Account(tmp_path / "spent")
    new.write(new.before + Spending(3, Tokens(30, 3)))
    old.write(Spending(6, Tokens(60, 6)))
    assert Account(tmp_path / "spent").before == Spending(9, Tokens(90, 9))


def test_what_is_being_written_isnt_read(tmp_path: Path) -> None:
    account = Account(tmp_path / "spent")
    account.write(Spending(5, Tokens(50, 5)))
    (tmp_path / "spent" / "cut.json.0123.tmp").write_bytes(b'{"requ')
    assert Account(tmp_path / "spent").before == Spending(5, Tokens(50, 5))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"requests": "many"}', b"\xff"])
def test_damage_grants_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spent").mkdir()
    (tmp_path / "spent" / "0.json").write_bytes(content)
    with pytest.raises(StoreCorruptError, match=r"0\.json") as caught:
        Account(tmp_path / "spent")
    assert str(tmp_path) not in str(caught.value.to_problem())
