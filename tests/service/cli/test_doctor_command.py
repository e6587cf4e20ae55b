"""`doctor`: it finds what is wrong, says the next step, and repairs vectors when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.pools import Pools
from tests.service.cli.conftest import CommandLine


def findings(cli: CommandLine, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    ended = cli("doctor", "--json", *arguments)
    return ended.code, {check["name"]: check for check in ended.json["checks"]}


def test_a_sound_machine_is_told_so(cli: CommandLine, pets: str) -> None:
    code, found = findings(cli)
    assert code == 0
    assert {"python", "packages", "faiss", "encoder", "disk", "data directory", "pools", "redis"} <= set(found)
    assert "pets (12)" in str(found["pools"]["found"])
    table = cli("doctor").out
    assert "✓" in table
    assert "✗" not in table


def test_a_machine_without_data_is_sound_and_nothing_is_made(cli: CommandLine, tmp_path: Path) -> None:
    assert findings(cli)[0] == 0
    assert not (tmp_path / "data").exists()


def test_a_lost_image_is_found(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    next(path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()).unlink()
    code, found = findings(cli)
    assert code == 1
    assert found["pool pets"]["ok"] is False
    assert found["pool pets"]["next_step"]


def test_repair_makes_lost_vectors_anew(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = cli("select", "id:photo/cat/0.png", "--pool", pets, "--json").json["demonstrations"]
    with Pools(data) as pools:
        pools.open(pets).seal()
    next((data / "pools").rglob("*.faiss")).unlink()
    assert findings(cli)[0] == 1
    repaired = cli("doctor", "--repair")
    assert repaired.code == 0
    assert "Made the vectors of pets anew" in repaired.err
    assert cli("select", "id:photo/cat/0.png", "--pool", pets, "--json").json["demonstrations"] == before


def test_repair_finishes_a_deletion_that_was_cut_off(
    cli: CommandLine, pets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("index.pool.remove_unused", lambda *_: None)  # as if it had died
        assert cli("demonstrations", "delete", "photo/cat/0.png", "--pool", pets, "--yes").code == 0

    def images() -> int:
        return sum(path.is_file() for path in (tmp_path / "data" / "blobs").rglob("*"))

    left = images()
    assert findings(cli)[0] == 0
    assert images() == left
    assert cli("doctor", "--repair").code == 0
    assert images() == left - 1


def test_an_encoder_that_cannot_be_loaded_is_a_finding_and_the_other_checks_go_on(
    cli: CommandLine, pets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from encoders import catalog
    from invariantselect.errors import EncoderUnavailableError

    def refuse(name: str, **_: object) -> None:
        raise EncoderUnavailableError("the weights are not here", hint="Fetch them.")

    monkeypatch.setattr(catalog, "load_encoder", refuse)
    code, found = findings(cli)
    assert code == 1
    assert (found["encoder"]["found"], found["encoder"]["next_step"]) == ("the weights are not here", "Fetch them.")
    assert found["pools"]["ok"] is True


def test_a_redis_that_does_not_answer_is_a_finding(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVARIANTSELECT_REDIS_URL", "redis://127.0.0.1:1/0")
    code, found = findings(cli)
    assert (code, found["redis"]["ok"]) == (1, False)


def test_a_data_directory_that_cannot_be_made_is_a_finding(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INVARIANTSELECT_DATA", str(tmp_path / "file" / "data"))
    code, found = findings(cli)
    assert (code, found["data directory"]["ok"]) == (1, False)


def test_a_directory_that_holds_only_keys_is_sound(cli: CommandLine) -> None:
    assert cli("keys", "create").code == 0
    code, found = findings(cli)
    assert code == 0
    assert "no pool" in str(found["pools"]["found"])


def test_a_pool_that_cannot_be_repaired_is_named_and_leaves_the_others_to_be_repaired(
    cli: CommandLine, pets: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with Pools(data) as pools:
        beyond_repair = pools.open(pets)
        beyond_repair.seal()
        image = data / "blobs" / (sha := beyond_repair.snapshot().demonstration(0).sha256)[:2] / sha[2:4] / sha
    image.unlink()
    ended = cli("doctor", "--repair")
    assert (ended.code, "stays as it is" in ended.err) == (1, False)  # no rebuild would bring it back
    for segment in data.glob("pools/*/*.faiss"):
        segment.unlink()
    ended = cli("doctor", "--repair")
    assert ended.code == 1
    assert "pets stays as it is" in ended.err


def test_a_broker_s_file_that_is_damaged_is_found_and_made_anew(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    broker = tmp_path / "data" / "jobs" / "queue.sqlite3"
    broker.parent.mkdir(exist_ok=True)
    broker.write_bytes(b"no database at all" * 99)
    code, found = findings(cli)
    assert (code, found["queue"]["ok"]) == (1, False)
    assert "--repair" in str(found["queue"]["next_step"])
    ended = cli("doctor", "--repair")
    assert (ended.code, "broker's damaged file" in ended.err) == (0, True)
    assert not broker.exists()


def test_an_encoder_that_was_altered_is_named(cli: CommandLine, pets: str, tmp_path: Path) -> None:
    with Pools(tmp_path / "data") as pools:
        pool = pools.open(pets)
        version = pool.add_version(
            encoder=f"{pool.key}/2", fingerprint="2" * 64, dim=4, looks_at_domains=False, lineage={}
        )
        code, found = findings(cli)
        assert (code, version.number) == (0, 2)
        assert f"{pool.key}/2 can't be read" in str(found["pool pets"]["found"])  # a version that nobody needs yet


@pytest.mark.parametrize(("device", "ok"), [("auto", False), ("cpu", True)])
def test_a_gpu_that_is_left_alone_on_purpose_is_no_fault(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, ok: bool
) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.setenv("INVARIANTSELECT_DEVICE", device)
    gpu = findings(cli)[1]["gpu"]
    assert gpu["ok"] is ok
    assert ok or "cpu, if that is meant" in str(gpu["next_step"])
