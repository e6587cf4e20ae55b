from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from invariantselect.loopback import is_loopback
from service.settings import Settings


def test_every_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVARIANTSELECT_DATA", "/srv/pools")
    monkeypatch.setenv("INVARIANTSELECT_PORT", "9000")
    monkeypatch.setenv("INVARIANTSELECT_ENCODERS", "open_clip:ViT-B-32/laion2b, /srv/encoder ,")
    monkeypatch.setenv("INVARIANTSELECT_REDIS_URL", "")
    settings = Settings()
    assert settings.data == Path("/srv/pools")
    assert settings.port == 9000
    assert settings.allowed_encoders == ("efficientnet-lite0", "open_clip:ViT-B-32/laion2b", "/srv/encoder")
    assert settings.redis_url is None


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVARIANTSELECT_PORT", "9000")
    assert Settings(port=1).port == 1


def test_importing_the_service_reads_no_setting() -> None:
    code = "import service.app, service.settings"
    environment = {"INVARIANTSELECT_PORT": "not a port", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LocalHost", "::1", "[::1]"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert is_loopback(host)
    assert not Settings(host=host).asks_for_keys
    assert not Settings(host=host, auth="off").asks_for_keys
    assert Settings(host=host, auth="on").asks_for_keys


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "localhost.example.com", "127.0.0.1.example.com"])
def test_any_other_address_asks_for_keys_and_can_not_be_left_open(host: str) -> None:
    assert Settings(host=host).asks_for_keys
    with pytest.raises(ValidationError, match="other machines can reach"):
        Settings(host=host, auth="off")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 70000),
        ("redis_url", "http://redis"),
        ("redis_url", "redis://localhost:six/0"),
        ("runtime", "tensorflow"),
        ("max_request_bytes", 1),
        ("job_log_days", 999_999),
        ("lmm_answer_days", -1),
        ("port_", 1),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_passwords_are_not_shown() -> None:
    secret = {"redis_url": "redis://:hunter2@redis:6379/0", "database_url": "postgresql://me:hunter2@db/pools"}
    assert "hunter2" not in repr(Settings(**secret))  # type: ignore[arg-type]
    for wrong in ({"host": "0.0.0.0", "auth": "off"}, {"database_url": "mysql://me:hunter2@db/pools"}):
        with pytest.raises(ValidationError) as refused:
            Settings(**{**secret, **wrong})  # type: ignore[arg-type]
        assert "hunter2" not in str(refused.value)


def test_without_the_url_of_a_database_the_catalog_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVARIANTSELECT_DATABASE_URL", "")
    assert Settings().database_url is None
