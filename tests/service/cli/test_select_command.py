"""`select`: every option of a selection as a flag, a table, JSON of the wire, and a page."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any, get_args

import pytest

from invariantselect.wire import Diversity, Selection, SelectionOptions
from invariantselect.wire.options import LabelBalance, Order, Strategy
from service.cli import selection_flags
from service.cli.select import select
from tests.service.cli.conftest import CommandLine, picture


@pytest.fixture
def query(tmp_path: Path) -> Path:
    path = tmp_path / "query.png"
    picture(99).save(path)
    return path


def chosen(cli: CommandLine, *arguments: object) -> Selection:
    ended = cli("select", *arguments, "--pool", "pets", "--json")
    assert ended.code == 0, ended.err
    return Selection.model_validate(ended.json)


def test_the_table_stands_in_prompt_order(cli: CommandLine, pets: str, query: Path) -> None:
    ended = cli("select", query, "--pool", pets, "-k", 3)
    assert ended.code == 0
    heading, *rows = ended.out.splitlines()
    assert heading.split() == ["#", "rank", "score", "label", "domain", "group", "id"]
    assert [row.split()[:2] for row in rows] == [["1", "3"], ["2", "2"], ["3", "1"]]
    assert "snapshot" in ended.err


def test_flags_become_options(cli: CommandLine, pets: str, query: Path) -> None:
    assert {each.domain for each in chosen(cli, query, "--where", "domain!=sketch").demonstrations} == {"photo"}
    assert {each.label for each in chosen(cli, query, "-w", '{"label": {"in": ["cat"]}}').demonstrations} == {"cat"}
    balanced = chosen(cli, query, "-k", 6, "--label-balance", "even").demonstrations
    assert sorted(each.label for each in balanced) == ["cat", "cat", "dog", "dog", "owl", "owl"]
    first = chosen(cli, query, "--order", "nearest_first").demonstrations
    assert [each.rank for each in first] == list(range(1, 8))
    assert len(chosen(cli, query, "--max-per-domain", 1).demonstrations) == 2
    nearest = first[0].id
    assert nearest not in {each.id for each in chosen(cli, query, "-k", 12, "-x", nearest).demonstrations}
    near = chosen(cli, query, "-k", 12, "--near-duplicates-above", first[0].score).demonstrations
    assert {each.id for each in near}.isdisjoint({nearest})
    drawn = [chosen(cli, query, "--strategy", "random", "--seed", seed).demonstrations for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    diverse = chosen(cli, query, "--diversity", "dpp", "--lambda", 0.1, "--candidates", 12)
    assert len(diverse.demonstrations) == 7


def test_a_stored_demonstration_is_never_its_own_answer(cli: CommandLine, pets: str) -> None:
    answer = chosen(cli, "id:photo/cat/0.png", "-k", 50)
    assert len(answer.demonstrations) == 11
    assert "photo/cat/0.png" not in {each.id for each in answer.demonstrations}


def test_a_shortfall_is_told(cli: CommandLine, pets: str, query: Path) -> None:
    ended = cli("select", query, "--pool", pets, "-k", 20)
    assert "8 fewer than the 20 asked for" in ended.err


@pytest.mark.parametrize("image", ["file", "id:sketch/owl/1.png"])
def test_the_page_carries_the_query_and_all_demonstrations(
    cli: CommandLine, pets: str, query: Path, tmp_path: Path, image: str
) -> None:
    page = tmp_path / "page.html"
    asked = query if image == "file" else image
    ended = cli("select", asked, "--pool", pets, "-k", 4, "--html", page, "--json")
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 5
    assert all(each["id"] in text for each in ended.json["demonstrations"])
    assert ("true label" in text) is (image != "file")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.png"], 1, "nowhere.png can't be read"),
        (["id:nowhere"], 1, "nowhere"),
        (["QUERY", "-k", "0"], 2, "-k"),
        (["QUERY", "--lambda", "0.5"], 2, "--diversity"),
        (["QUERY", "--diversity", "dpp", "--lambda", "1"], 2, "below 1"),
        (["QUERY", "--strategy", "random", "--diversity", "mmr"], 2, "random"),
        (["QUERY", "--where", "colour=red"], 1, "colour"),
        (["QUERY", "--where", "red"], 2, "FIELD=VALUE"),
        (["QUERY", "--order", "sideways"], 2, "sideways"),
        (["QUERY", "--html", "/nowhere/page.html"], 1, "/nowhere/page.html"),
    ],
)
def test_what_is_wrong_is_one_message(
    cli: CommandLine, pets: str, query: Path, arguments: list[str], code: int, said: str
) -> None:
    ended = cli("select", *[str(query) if each == "QUERY" else each for each in arguments], "--pool", pets)
    assert ended.code == code
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_file_that_is_no_image_is_refused(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("not a picture")
    assert cli("select", tmp_path / "note.png", "--pool", pets).code == 1


def test_an_unknown_pool_is_named(cli: CommandLine, pets: str, query: Path) -> None:
    ended = cli("select", query, "--pool", "cars")
    assert (ended.code, "cars" in ended.err) == (1, True)


def test_flags_offer_what_the_wire_offers_with_the_same_defaults() -> None:
    def choices(flag: Any) -> set[object]:
        return {each for each in get_args(get_args(flag)[0]) if isinstance(each, str)} or {
            each for union in get_args(get_args(flag)[0]) for each in get_args(union)
        }

    assert choices(selection_flags.Strategy) == set(get_args(Strategy))
    assert choices(selection_flags.LabelBalance) == set(get_args(LabelBalance))
    assert choices(selection_flags.Order) == set(get_args(Order))
    assert choices(selection_flags.Diversify) == set(get_args(Diversity.model_fields["method"].annotation))
    flags = inspect.signature(select).parameters
    for name, field in SelectionOptions.model_fields.items():
        assert name in flags, f"select has no flag for {name}"
        if name not in {"where", "diversity", "exclude"}:
            assert flags[name].default == field.default


def test_a_name_in_another_encoding_is_shown_as_far_as_it_can_be(
    cli: CommandLine, pets: str, folder: Path, tmp_path: Path
) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    odd.write_bytes(next(folder.rglob("*.png")).read_bytes())
    ended = cli("select", odd, "--pool", pets, "--html", tmp_path / "page.html")
    assert ended.code == 0, ended.err
    assert "caf" in (tmp_path / "page.html").read_text(encoding="utf-8")
