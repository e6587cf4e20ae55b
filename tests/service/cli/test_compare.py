"""`select --compare` and `--strategy invariant_select`: without a server, side by side, as a table, JSON and a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from invariantselect.wire import Comparison, Selection
from tests.service.cli.conftest import CommandLine, picture

BOTH = ["topk_nearest", "invariant_select"]


@pytest.fixture
def query(tmp_path: Path) -> Path:
    path = tmp_path / "query.png"
    picture(99).save(path)
    return path


def selected(cli: CommandLine, *arguments: object) -> Selection:
    ended = cli("select", *arguments, "--pool", "pets", "--json")
    assert ended.code == 0, ended.err
    return Selection.model_validate(ended.json)


def compared(cli: CommandLine, *arguments: object) -> Comparison:
    ended = cli("select", *arguments, "--compare", "--pool", "pets", "--json")
    assert ended.code == 0, ended.err
    return Comparison.model_validate(ended.json)


def test_each_side_is_what_its_strategy_answers_alone(cli: CommandLine, adapted_pets: str, query: Path) -> None:
    for asked in ([query, "--domain", "sketch", "-k", 4], ["id:photo/cat/0.png", "--label-balance", "even"]):
        comparison = compared(cli, *asked)
        assert list(comparison.selections) == BOTH
        for strategy, selection in comparison.selections.items():
            alone = selected(cli, *asked, "--strategy", strategy)
            assert selection.model_copy(update={"timings": alone.timings}) == alone
        assert [each.encoder_version for each in comparison.selections.values()] == [1, 2]


def test_the_strategy_that_is_named_stands_first(cli: CommandLine, adapted_pets: str, query: Path) -> None:
    assert list(compared(cli, query, "--strategy", "random").selections) == ["random", *BOTH]
    assert list(compared(cli, query, "--strategy", "invariant_select").selections) == BOTH[::-1]


def test_the_table_has_a_row_for_each_place(cli: CommandLine, adapted_pets: str, query: Path) -> None:
    comparison = compared(cli, query, "-k", 3, "--domain", "photo")
    ended = cli("select", query, "--pool", "pets", "-k", 3, "--domain", "photo", "--compare")
    heading, *rows = ended.out.splitlines()
    assert heading.split() == ["#", BOTH[0], "label", "domain", "score", BOTH[1], "label", "domain", "score"]
    expected = [
        [str(place)]
        + [text for each in (first, second) for text in (each.id, each.label, str(each.domain), f"{each.score:.4f}")]
        for place, (first, second) in enumerate(
            zip(*(each.demonstrations for each in comparison.selections.values()), strict=True), start=1
        )
    ]
    assert [row.split() for row in rows] == expected
    shared = set.intersection(*({each.id for each in s.demonstrations} for s in comparison.selections.values()))
    assert f"{len(shared)} of 3" in ended.err
    for expected_note in ["encoder version 1 (pixel-16-0)", "encoder version 2 (", "topk_nearest: "]:
        assert expected_note in ended.err


def test_a_shortfall_is_told_for_each_strategy(cli: CommandLine, adapted_pets: str, query: Path) -> None:
    ended = cli("select", query, "--pool", "pets", "-k", 20, "--compare")
    assert ended.err.count("8 fewer than the 20 asked for") == 2
    nothing = cli("select", query, "--pool", "pets", "--where", "label=cow", "--compare")
    assert (nothing.code, nothing.err.count("nothing may be chosen")) == (0, 2)


def test_the_page_shows_both_strategies(cli: CommandLine, adapted_pets: str, query: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ended = cli("select", "id:sketch/owl/1.png", "--pool", "pets", "-k", 4, "--compare", "--html", page, "--json")
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 9
    for strategy, selection in ended.json["selections"].items():
        assert strategy in text
        assert all(each["id"] in text for each in selection["demonstrations"])
    assert "true label" in text


@pytest.mark.parametrize("asked", [["--compare"], ["--strategy", "invariant_select"]])
def test_before_the_pool_is_adapted_the_way_there_is_told(
    cli: CommandLine, pets: str, query: Path, tmp_path: Path, asked: list[str]
) -> None:
    page = tmp_path / "page.html"
    ended = cli("select", query, "--pool", "pets", *asked, "--html", page)
    assert (ended.code, ended.out) == (1, "")
    assert "no adapted encoder" in ended.err
    assert "invariantselect adapt --pool pets" in ended.err
    assert not page.exists()


def test_an_option_that_random_cannot_have_is_refused(cli: CommandLine, adapted_pets: str, query: Path) -> None:
    ended = cli("select", query, "--pool", "pets", "--compare", "--strategy", "random", "--diversity", "mmr")
    assert (ended.code, ended.out) == (2, "")


def test_pools_tell_their_encoder_versions(cli: CommandLine, adapted_pets: str) -> None:
    [info] = cli("pools", "--json").json["pools"]
    assert info["serving_version"] == 2
    [heading, row] = cli("pools").out.splitlines()
    assert dict(zip(heading.split(), row.split(), strict=True))["adapted"] == "2"
    shown = cli("pools", "show", "pets").out
    assert "frozen" in shown
    assert "serving" in shown
    versions = cli("pools", "show", "pets", "--json").json["encoder_versions"]
    assert [(each["number"], each["state"]) for each in versions] == [(1, "frozen"), (2, "serving")]
