"""`shift`: how far a batch lies from a pool, every figure from the images themselves."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
from PIL import Image

from evaluation.shift.report import Known, shift_report
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.cli.conftest import CommandLine

COLOURS = {"apple": (200, 30, 30), "leaf": (30, 170, 40)}
LIGHT = {"day": 1.0, "night": 0.5}


def draw(path: Path, label: str, domain: str, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    pixels = np.array(COLOURS[label]) * LIGHT[domain] + 40 * rng.normal(size=(24, 24, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def garden(cli: CommandLine, tmp_path: Path) -> Path:
    """A pool of forty images, and the folder they came from."""
    root = tmp_path / "garden"
    places = [(domain, label, n) for domain in LIGHT for label in COLOURS for n in range(10)]
    for seed, (domain, label, n) in enumerate(places):
        draw(root / domain / label / f"{n}.png", label, domain, seed)
    assert cli("ingest", root, "--pool", "garden").code == 0
    return root


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Six new images in two folders."""
    root = tmp_path / "batch"
    for n in range(6):
        draw(root / f"patient-{n % 2}" / f"{n}.png", ["apple", "leaf"][n // 3], "day", 100 + n)
    return root


def vectors(paths: list[Path]) -> np.ndarray:
    encoder = PixelEncoder(seed=0)
    return encoder.encode([Image.open(path).convert("RGB") for path in paths])


def test_every_figure_is_that_of_the_images(cli: CommandLine, garden: Path, batch: Path) -> None:
    said = cli("shift", batch, "--pool", "garden", "--json", "--seed", 3, "--accuracy", 0.6)
    assert said.code == 0, said.err
    pool, queries = sorted(garden.rglob("*.png")), sorted(batch.rglob("*.png"))
    labels, domains = [path.parts[-2] for path in pool], [path.parts[-3] for path in pool]
    known = Known(vectors(pool), labels, domains, [None] * 40, [f"{number}" for number in range(40)])
    expected = shift_report(vectors(queries), known, accuracy=0.6, seed=3)
    nearest = np.sort(vectors(queries) @ vectors(pool).T, axis=1)[:, ::-1]
    found = {each["name"]: each["familiarity"] for each in said.json["images"]}
    assert list(found.values()) == sorted(found.values())
    assert [found[str(path)] for path in queries] == pytest.approx(nearest[:, :7].mean(axis=1), abs=1e-5)
    assert said.json["queries"] == 6
    assert said.json["demonstrations"] == 40
    for near, wanted in zip(said.json["domains"], expected.domains, strict=True):
        assert (near["domain"], near["share"]) == (wanted.domain, wanted.share)
        assert list(near["similarity"]) == ["0.05", "0.25", "0.5", "0.75", "0.95"]
        assert list(near["similarity"].values()) == pytest.approx(wanted.similarity, abs=1e-5)
    assert said.json["test"]["effect"] == pytest.approx(expected.test.effect, abs=1e-5)
    assert said.json["test"]["samples"] == [6, 40]
    abstain = said.json["abstain"]
    assert expected.threshold is not None
    assert abstain["threshold"]["accuracy"] == expected.threshold.accuracy >= 0.6
    assert abstain["answered"] == expected.answered
    assert abstain["answered"] == np.mean([each["answered"] for each in said.json["images"]])
    assert abstain["rehearsal"] == "domains"
    assert abstain["curve"][-1]["coverage"] == 0.95  # the other two of the forty are unfamiliar
    assert [point["answered"] for point in abstain["curve"]] == sorted({p["answered"] for p in abstain["curve"]})


def test_the_table_says_the_same_in_words(cli: CommandLine, garden: Path, batch: Path) -> None:
    said = cli("shift", batch, "--pool", "garden", "--accuracy", 0.6, "--least", 2)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split()[:3] == ["domain", "nearest", "5%"]
    assert [line.split()[0] for line in lines[1:3]] == ["day", "night"]
    assert "The same distribution? H = " in said.out
    assert "Answer where the 7 nearest agree by" in said.out
    assert [line.split()[-1] for line in lines if "patient-" in line] == [
        each["name"] for each in cli("shift", batch, "--pool", "garden", "--json").json["images"][:2]
    ]
    assert "40 demonstrations" in said.err


def test_without_a_threshold_it_is_said_why(cli: CommandLine, pets: str, batch: Path) -> None:
    assert "11 images only, and 30 are needed" in cli("shift", batch, "--pool", pets).out


def test_what_cannot_be_compared_is_named_and_left_out(cli: CommandLine, garden: Path, batch: Path) -> None:
    copy(garden / "day/apple/0.png", batch / "known.png")
    said = cli("shift", batch, "--pool", "garden", "--json")
    assert said.code == 0
    assert said.json["left_out"] == [
        {"name": str(batch / "known.png"), "reason": "The pool has this very file.", "code": None}
    ]
    (batch / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (batch / "notes.txt").write_text("no image")
    (batch / ".hidden.png").write_bytes(b"")
    said = cli("shift", batch, "--pool", "garden")
    assert said.code == 1
    assert "The same distribution?" in said.out
    assert [line.partition(" (")[0] for line in said.err.splitlines()[:-1]] == [
        f"left out: {batch / 'broken.png'}",
        f"left out: {batch / 'known.png'}",
    ]
    refused = cli("shift", batch / "broken.png", batch / "known.png", "--pool", "garden")
    assert refused.code == 1
    assert "none of the 2 images can be compared" in refused.err
    assert refused.out == ""


def test_images_of_a_folder_can_be_of_one_patient(cli: CommandLine, garden: Path, batch: Path) -> None:
    said = cli("shift", batch, "--pool", "garden", "--group-by-folder", "--json")
    assert said.json["test"]["samples"] == [2, 40]
    assert said.json["queries"] == 6


def test_files_and_folders_are_read_once_and_links_out_of_a_folder_are_not(
    cli: CommandLine, garden: Path, batch: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "elsewhere/1.png", "leaf", "night", 200)
    (batch / "linked").symlink_to(tmp_path / "elsewhere")
    (batch / "out.png").symlink_to(tmp_path / "elsewhere/1.png")
    first = batch / "patient-0/0.png"
    said = cli("shift", first, batch, first, "--pool", "garden", "--json")
    assert said.code == 1
    assert len(said.json["images"]) == 6
    assert [each["name"] for each in said.json["left_out"]] == [str(batch / "out.png")]
    assert "link that leaves" in said.json["left_out"][0]["reason"]
    assert cli("shift", batch / "out.png", "--pool", "garden").code == 0  # named by the user


def test_a_folder_that_cannot_be_listed_is_named_and_any_name_can_be_told(
    cli: CommandLine, garden: Path, batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = os.fsencode(batch) + b"/\xe4.png"
    copy(batch / "patient-0/0.png", strange)
    closed, scan = batch / "patient-1", os.scandir

    def scandir(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))  # root may read everything
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    said = cli("shift", batch, "--pool", "garden", "--json", "--html", tmp_path / "shift.html")
    assert said.code == 1
    assert str(closed) in [each["name"] for each in said.json["left_out"]]
    assert any(each["name"].endswith("\\udce4.png") for each in said.json["images"])


def test_the_page_shows_the_least_familiar(cli: CommandLine, garden: Path, batch: Path, tmp_path: Path) -> None:
    page = tmp_path / "shift.html"
    said = cli("shift", batch, "--pool", "garden", "--least", 4, "--html", page, "--json")
    assert said.code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 4
    names = [each["name"] for each in said.json["images"]]
    assert all((name in text) == (place < 4) for place, name in enumerate(names))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.png"], 1, "There is nothing at nowhere.png"),
        (["EMPTY"], 1, "There is no image below"),
        (["BATCH", "--accuracy", "1.5"], 2, "--accuracy"),
        (["BATCH", "-k", "0"], 2, "-k"),
        (["BATCH", "--pool", "cars"], 1, "cars"),
        (["BATCH", "--html", "/nowhere/page.html"], 1, "/nowhere/page.html"),
        ([], 2, "IMAGES"),
    ],
)
def test_what_is_wrong_is_one_message(
    cli: CommandLine, garden: Path, batch: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [{"BATCH": str(batch), "EMPTY": str(tmp_path / "empty")}.get(each, each) for each in arguments]
    ended = cli("shift", *given, *([] if "--pool" in given else ["--pool", "garden"]))
    assert ended.code == code
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_pool_that_cannot_rehearse_is_refused_before_anything_is_encoded(
    cli: CommandLine, batch: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "one/day/leaf/1.png", "leaf", "day", 1)
    assert cli("ingest", tmp_path / "one", "--pool", "one").code == 0
    ended = cli("shift", batch, "--pool", "one")
    assert ended.code == 1
    assert "fewer than two groups" in ended.err
