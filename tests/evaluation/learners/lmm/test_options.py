"""Options that can't be are refused before anything is asked, and a missing package is named."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from evaluation.learners.lmm import Lmm, LmmOptions
from evaluation.learners.lmm.address import keeps_secrets
from invariantselect.errors import InvalidRequestError
from tests.evaluation.learners.lmm.endpoints import picture


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": " "},
        {"model": "a\nb"},
        {"concurrency": 0},
        {"retries": -1},
        {"retries": 101},
        {"timeout_seconds": 0.0},
        {"timeout_seconds": float("inf")},
        {"most_requests": -1},
        {"most_cost": float("nan"), "price_in": 1.0},
        {"price_in": -1.0},
        {"most_cost": 1.0},
        {"image_side": 1},
        {"most_tokens": 0},
        {"base_url": "ftp://h/v1"},
        {"base_url": "h/v1"},
        {"base_url": "http://"},
        {"base_url": "http://h:port/v1"},
        {"base_url": "http://h:0/v1"},
        {"base_url": "http://[::1/v1"},
        {"base_url": "https://user@h/v1"},
        {"base_url": "https://user:secret@h/v1"},
        {"base_url": "https://h/v1?key=secret"},
        {"base_url": "https://h/v1#secret"},
        {"base_url": "https://h/v1\r\nX: y"},
    ],
)
def test_they_are_refused_with_a_hint(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        LmmOptions(**{"model": "m", **wrong})
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.openai.com/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.8.8.8/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:80/v1", True),
        ("http://lmm.example/v1", False),
        ("http://127.0.0.1.example/v1", False),
        ("http://192.0.2.1/v1", False),
    ],
)
def test_keys_go_over_https_or_stay_on_this_machine(url: str, kept: bool) -> None:
    assert keeps_secrets(url) is kept


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "evaluation.learners.lmm.endpoint.find_spec", lambda name: None if name == "openai" else real(name)
    )
    with pytest.raises(InvalidRequestError, match="'openai'") as caught:
        Lmm(LmmOptions("m", "http://127.0.0.1/v1"), picture=picture, cache=None)
    assert "invariantselect-server[evaluate]" in caught.value.hint
