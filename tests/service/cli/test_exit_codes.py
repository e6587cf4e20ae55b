"""How a command ends: its exit code, one red line instead of a traceback, and nothing on stdout that isn't a result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from invariantselect.errors import PoolNotFoundError
from service.cli.exit_codes import run


def app_that_raises(error: BaseException) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    def fail() -> None:
        raise error

    @app.command()
    def other() -> None:
        typer.echo("fine")

    return app


def test_an_error_of_ours_is_one_line_with_its_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app_that_raises(PoolNotFoundError("there is no pool pets")), ["fail"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["Error: there is no pool pets", f"  {PoolNotFoundError.default_hint}"]


def test_an_error_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    run(app_that_raises(PoolNotFoundError("no pool [red]\x1b[2J\x9b2J\n[/red]", hint="")), ["fail"])
    assert capsys.readouterr().err == "Error: no pool [red]\\x1b[2J\\x9b2J\\n[/red]\n"


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(app_that_raises(ZeroDivisionError()), ["fail"])


def test_an_interrupt_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app_that_raises(KeyboardInterrupt()), ["fail"]) == 130
    assert capsys.readouterr().err.strip() == "Stopped."


def test_the_exit_code_of_a_command_is_passed_on() -> None:
    assert run(app_that_raises(typer.Exit(1)), ["fail"]) == 1
    assert run(app_that_raises(ValueError()), ["other"]) == 0


@pytest.mark.parametrize("arguments", [["nonsense"], ["other", "--nonsense"], ["other", "too", "many"]])
def test_a_wrong_call_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app_that_raises(ValueError()), arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Error" in said.err


def test_a_full_disk_is_told_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "service.cli", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "Error: No space left on device\n")
