"""A small folder of images and a command line with a small encoder, run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from PIL import Image

from encoders import catalog
from encoders.encoder import Encoder
from index.pools import Pools
from service.cli.app import app
from service.cli.exit_codes import run
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.adapted_pool import adapt_pool, adapted_encoder

DOMAINS, LABELS, EACH = ["photo", "sketch"], ["cat", "dog", "owl"], 2


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


CommandLine = Callable[..., Ended]


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``folder/<domain>/<class>/<n>.png``, twelve different images."""
    root = tmp_path / "folder"
    places = [(domain, label, number) for domain in DOMAINS for label in LABELS for number in range(EACH)]
    for seed, (domain, label, number) in enumerate(places):
        path = root / domain / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(path)
    return root


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs a command on a data directory of the test's own; ``pixel-16-<seed>`` are the encoders, and adapted ones."""

    def load(name: str, **_: object) -> Encoder:
        adapted = name.partition("/")[2]
        return adapted_encoder(int(adapted), DOMAINS) if adapted else PixelEncoder(seed=int(name[len("pixel-16-") :]))

    monkeypatch.setattr(catalog, "load_encoder", load)
    monkeypatch.setenv("INVARIANTSELECT_ENCODER", "pixel-16-0")
    monkeypatch.setenv("INVARIANTSELECT_DATA", str(tmp_path / "data"))
    return calling(capsys)


@pytest.fixture
def real_cli(
    adaptable_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    short_trainings: None,
) -> CommandLine:
    """Runs a command on a copy of the pool whose real encoder can be adapted; the encoders are those of the catalog."""
    copytree(adaptable_data, tmp_path / "data")
    monkeypatch.setenv("INVARIANTSELECT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("INVARIANTSELECT_DEVICE", "cpu")
    monkeypatch.setenv("INVARIANTSELECT_RUNTIME", "torch")
    return calling(capsys)


def calling(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run(app, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def pets(cli: CommandLine, folder: Path) -> str:
    """The folder as a pool."""
    assert cli("ingest", folder, "--pool", "pets").code == 0
    return "pets"


@pytest.fixture
def adapted_pets(pets: str, tmp_path: Path) -> str:
    """The pool, adapted once."""
    with Pools(tmp_path / "data") as pools:
        adapt_pool(pools.open(pets), adapted_encoder(2, DOMAINS))
    return pets
