"""`ingest`: what goes in, what is told about what doesn't, and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.index.sources.published import camelyon17
from tests.service.cli.conftest import DOMAINS, LABELS, CommandLine


def test_a_folder_goes_in_and_a_second_time_changes_nothing(cli: CommandLine, folder: Path) -> None:
    first = cli("ingest", folder, "--pool", "pets")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("pets: 12 created, 0 failed")
    again = cli("ingest", folder, "--pool", "pets", "--json")
    assert again.code == 0
    assert {name: again.json[name] for name in ("created", "unchanged", "encoded", "failed")} == {
        "created": 0,
        "unchanged": 12,
        "encoded": 0,
        "failed": [],
    }


def test_what_cannot_be_taken_is_named_with_its_reason_and_the_rest_goes_in(cli: CommandLine, folder: Path) -> None:
    (folder / "photo" / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "photo" / "cat" / "empty.jpg").write_bytes(b"")
    ended = cli("ingest", folder, "--pool", "pets")
    assert ended.code == 1
    assert "12 created, 2 failed" in ended.out
    lines = ended.out.splitlines()
    assert sum("broken.png" in line or "empty.jpg" in line for line in lines) == 2

    report = cli("ingest", folder, "--pool", "pets", "--json").json
    assert report["unchanged"] == 12
    assert {Path(failure["where"]).name for failure in report["failed"]} == {"broken.png", "empty.jpg"}
    assert all(failure["error"]["code"].startswith("image_") for failure in report["failed"])


def test_what_is_left_aside_on_purpose_is_a_note_and_no_failure(cli: CommandLine, folder: Path) -> None:
    (folder / "README.txt").write_text("about these pictures")
    ended = cli("ingest", folder, "--pool", "pets")
    assert ended.code == 0
    assert "left aside: " in ended.err
    assert "README.txt" in ended.err


def test_limits_of_the_settings_hold_for_a_folder_too(
    cli: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (200, 200)).save(folder / "photo" / "cat" / "large.png")
    monkeypatch.setenv("INVARIANTSELECT_MAX_IMAGE_PIXELS", "10000")
    report = cli("ingest", folder, "--pool", "pets", "--json").json
    assert [failure["error"]["code"] for failure in report["failed"]] == ["image_too_large"]


def test_a_source_that_is_none_makes_no_pool(cli: CommandLine, tmp_path: Path) -> None:
    ended = cli("ingest", tmp_path / "nowhere", "--pool", "pets")
    assert ended.code == 1
    assert ended.err.startswith("Error: ")
    assert not (tmp_path / "data").exists()


def test_the_encoder_of_a_pool_is_chosen_once(cli: CommandLine, folder: Path) -> None:
    assert cli("ingest", folder, "--pool", "other", "--encoder", "pixel-16-5").code == 0
    assert cli("ingest", folder, "--pool", "other").code == 0
    refused = cli("ingest", folder, "--pool", "other", "--encoder", "pixel-16-6")
    assert refused.code == 1
    assert "pixel-16-5" in refused.err


def test_a_pool_whose_name_is_not_allowed_is_refused(cli: CommandLine, folder: Path) -> None:
    ended = cli("ingest", folder, "--pool", "../up")
    assert ended.code == 1
    assert "can't be the name of a pool" in ended.err


def test_a_published_data_set_is_recognised_or_named(cli: CommandLine, tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    (directory / "patches/patient_099_node_4/patch_patient_099_node_4_x_0_y_64.png").unlink()
    ended = cli("ingest", directory, "--pool", "lymph")
    assert ended.code == 1
    assert "7 created, 1 failed" in ended.out
    assert "patch_patient_099_node_4_x_0_y_64.png" in ended.out
    assert "hospital_3" in cli("pools", "show", "lymph").out
    named = cli("ingest", directory, "--pool", "lymph", "--format", "camelyon17", "--json")
    assert named.json["unchanged"] == 7
    wrong = cli("ingest", directory, "--pool", "skin", "--format", "ham10000")
    assert wrong.code == 1
    assert "HAM10000_metadata" in wrong.err
    assert cli("ingest", directory, "--pool", "skin", "--format", "mnist").code == 2


def test_a_sample_is_even_and_grows(cli: CommandLine, folder: Path) -> None:
    first = cli("ingest", folder, "--pool", "pets", "--sample", 6, "--seed", 3)
    assert first.out.startswith("pets: 6 created, 0 failed")
    ids = [each["id"] for each in cli("demonstrations", "list", "--pool", "pets", "--json").json["demonstrations"]]
    assert sorted(id.rpartition("/")[0] for id in ids) == [f"{each}/{label}" for each in DOMAINS for label in LABELS]
    grown = cli("ingest", folder, "--pool", "pets", "--sample", 8, "--seed", 3, "--json").json
    assert (grown["created"], grown["unchanged"]) == (2, 6)
    assert cli("ingest", folder, "--pool", "pets", "--sample", 0).code == 2
