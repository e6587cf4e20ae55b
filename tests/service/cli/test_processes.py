"""The command line as a real process: fast to answer, quiet in a pipe, clean when stopped."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from tests.forked_process import ForkedProcess

ROOT = Path(__file__).parents[3]
MAIN = [sys.executable, "-c", "from service.cli import main; main()"]
PATIENCE = 60


@pytest.fixture(autouse=True, scope="module")
def _ctrl_c_is_not_ignored() -> Iterator[None]:
    """A run started in the background ignores SIGINT, and every process it starts would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "client"), os.environ.get("PYTHONPATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INVARIANTSELECT_")}
    return {**kept, "PYTHONPATH": path, "INVARIANTSELECT_DATA": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command with the small encoder, ``seconds`` an image; what is still running at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, seconds: float = 0, **options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.service.cli.with_pixel_encoder", str(seconds), *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(ForkedProcess(command, env=environment, cwd=ROOT, text=True, **pipes))  # type: ignore[call-overload]
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processor_seconds(command: list[str], environment: dict[str, str]) -> float:
    """The least of five runs: wall-clock time would count what else the machine does."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(5))


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["select", "--help"]], ids=" ".join)
def test_help_and_version_answer_in_less_than_400_ms(arguments: list[str], environment: dict[str, str]) -> None:
    spent = processor_seconds([*MAIN, *arguments], environment)
    if spent >= 0.4:  # a slow or crowded machine: then by what the libraries alone cost there
        libraries = processor_seconds([sys.executable, "-c", "import typer, pydantic"], environment)
        assert spent < 4 * libraries


def test_help_and_version_import_nothing_heavy(environment: dict[str, str]) -> None:
    code = (
        "import sys; from service.cli.app import app; from service.cli.exit_codes import run; "
        "run(app, ['select', '--help']); run(app, ['version']); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    heavy = {"torch", "faiss", "numpy", "pydantic_settings", "sqlalchemy", "fastapi", "PIL", "invariantselect"}
    assert not heavy & set(ended.stderr.split())


def test_a_pipe_gets_the_result_alone_without_colour_or_folded_lines(
    start: Callable[..., subprocess.Popen[str]], folder: Path
) -> None:
    deep = folder / "photo" / "cat" / ("long-" * 40 + ".png")
    Image.new("RGB", (8, 8)).save(deep)
    out, err = start("ingest", folder, "--pool", "pets").communicate(timeout=PATIENCE)
    assert out.startswith("pets: 13 created")
    assert err == ""
    out, err = start("demonstrations", "list", "--pool", "pets").communicate(timeout=PATIENCE)
    assert "\x1b" not in out + err
    assert any(deep.name in line and "8×8" in line for line in out.splitlines())


def test_a_reader_that_goes_away_is_no_defect(start: Callable[..., subprocess.Popen[str]], folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("version", "--json", stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err == ""


def test_an_ingest_that_is_stopped_ends_with_130_and_is_continued_by_the_same_command(
    start: Callable[..., subprocess.Popen[str]], folder: Path, tmp_path: Path
) -> None:
    for number in range(150):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / "photo" / "cat" / f"more-{number}.png")
    process = start("ingest", folder, "--pool", "pets", seconds=0.05)
    blobs = tmp_path / "data" / "blobs"
    wait_until(lambda: blobs.is_dir() and any(path.is_file() for path in blobs.rglob("*")))  # one batch is written
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err.strip()) == (130, "Stopped.")

    out, _ = start("ingest", folder, "--pool", "pets", "--json").communicate(timeout=PATIENCE)
    report = json.loads(out)
    assert report["created"] + report["unchanged"] == 162
    assert report["created"] < 162
    assert report["failed"] == []


def test_a_server_tells_where_it_is_answers_and_stops_when_told(
    start: Callable[..., subprocess.Popen[str]], folder: Path
) -> None:
    assert start("ingest", folder, "--pool", "pets").wait(PATIENCE) == 0
    server = start("serve", "--port", 0)
    assert server.stderr is not None
    told = re.search(r"at (http://127\.0\.0\.1:\d+) \(this machine only, no API keys\)", server.stderr.readline())
    assert told is not None
    with httpx2.Client(base_url=told[1], timeout=PATIENCE) as http:
        pools = http.get("/v1/pools").raise_for_status().json()["pools"]
        assert [pool["name"] for pool in pools] == ["pets"]
        taken = start("serve", "--port", told[1].rpartition(":")[2])
        _, err = taken.communicate(timeout=PATIENCE)
        assert (taken.returncode, "can't listen on 127.0.0.1" in err) == (1, True)
    server.send_signal(signal.SIGINT)
    _, err = server.communicate(timeout=PATIENCE)
    assert server.returncode == 130
    assert "Traceback" not in err


def test_nobody_is_counted_under_an_address_that_they_made_up(
    start: Callable[..., subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    environment["INVARIANTSELECT_RATE_LIMIT"] = "3/hour"
    server = start("serve", "--port", 0)
    assert server.stderr is not None
    told = re.search(r"at (http://127\.0\.0\.1:\d+) ", server.stderr.readline())
    assert told is not None
    with httpx2.Client(base_url=told[1], timeout=PATIENCE) as http:
        found = [
            http.get("/v1/pools", headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code for number in range(6)
        ]
    assert found == [200, 200, 200, 429, 429, 429]


def test_an_open_door_without_keys_is_refused(
    start: Callable[..., subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    environment["INVARIANTSELECT_AUTH"] = "off"
    server = start("serve", "--host", "0.0.0.0")
    _, err = server.communicate(timeout=PATIENCE)
    assert server.returncode == 2
    assert "auth is off" in err


def test_the_default_encoder_works_from_a_folder_to_a_page(
    environment: dict[str, str], tmp_path: Path, encoder_store: Path
) -> None:
    encoder_store.mkdir(exist_ok=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "encoders").symlink_to(encoder_store)  # whichever test comes first exports the encoder
    folder = tmp_path / "shapes"
    for label, colour in (("warm", (220, 90, 20)), ("cold", (20, 90, 220))):
        for domain in ("plain", "small"):
            path = folder / domain / label / "1.png"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (64, 64), colour).resize((64, 64) if domain == "plain" else (16, 16)).save(path)
    query, page = tmp_path / "query.png", tmp_path / "page.html"
    Image.new("RGB", (48, 48), (215, 95, 25)).save(query)

    def run(*arguments: object) -> str:
        command = [*MAIN, *map(str, arguments)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert run("ingest", folder, "--pool", "shapes").startswith("shapes: 4 created")
    answer = json.loads(run("select", query, "--pool", "shapes", "-k", 2, "--json", "--html", page))
    assert answer["encoder"] == "efficientnet-lite0"
    assert [each["label"] for each in answer["demonstrations"]] == ["warm", "warm"]
    assert page.read_text(encoding="utf-8").count("data:image/png") == 3


def test_a_server_without_its_database_says_so_and_fails(
    start: Callable[..., subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    environment["INVARIANTSELECT_DATABASE_URL"] = "postgresql://somebody:secret@127.0.0.1:1/nowhere"
    process = start("serve", "--port", 0)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Error: the database can't be reached" in err
    assert "Start PostgreSQL" in err
    assert "Traceback" not in out + err
    assert "Serving" not in out + err
    assert "secret" not in out + err
