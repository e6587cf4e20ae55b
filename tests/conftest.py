"""Shared by every test: shape checks, and pools of real images where there are any."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.shape_checks import check_calls_in

# Before any test module imports a room: only modules imported afterwards are checked.
check_calls_in(["encoders", "index", "evaluation"])

# Workers share the cores, and a thread of a product waits for the others: torch, FAISS and BLAS get one each, as do the
# processes that tests start. Before any of them is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from index.pool import Pool
    from tests.postgres import RealPostgres
    from tests.s3_server import S3Server

_REAL_IMAGES = "INVARIANTSELECT_TEST_DATA"


def _real_images() -> Path | None:
    """The folder of real multi-domain images: where the environment says, else beside one of the folders above."""
    if given := os.environ.get(_REAL_IMAGES):
        return Path(given)
    above = Path(__file__).resolve().parents
    return next((folder / "shared" / "data" for folder in above if (folder / "shared" / "data").is_dir()), None)


@pytest.fixture(scope="session")
def encoder_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder store that the whole run shares, parallel workers too: exporting EfficientNet-Lite0 takes seconds."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return root / "shared-encoder-store"


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    """A PostgreSQL that the whole session shares and nobody stops."""
    from tests.postgres import PROGRAMS, RealPostgres

    if PROGRAMS is None:
        pytest.skip("PostgreSQL is not installed")
    server = RealPostgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server that the whole session shares and nobody stops; this process and those that it starts find it."""
    from tests.s3_server import found_by_environment

    with found_by_environment() as server:
        yield server


@pytest.fixture
def s3_folder(s3_server: S3Server) -> str:
    """The URL of a folder there that no other test has."""
    return f"{s3_server.bucket}/{uuid.uuid4().hex}"


@pytest.fixture
def own_s3_server() -> Iterator[S3Server]:
    """One that a test may kill."""
    from tests.s3_server import found_by_environment

    with found_by_environment() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Runs a test twice: what it opens in `tmp_path` by way of `tests.catalogs` has its catalog in the one, then the
    other."""
    from tests import catalogs

    if request.param == "postgresql":
        catalogs.use_postgresql(tmp_path, request.getfixturevalue("postgres").server)
    yield request.param
    catalogs.close_all()


@pytest.fixture
def part_of_real_images(tmp_path: Path) -> Callable[[str], Path]:
    """A function that makes a folder of the first five images of each class in each domain of a set of real ones."""

    def part(name: str) -> Path:
        folder = _real_images()
        if folder is None or not (folder / name).is_dir():
            pytest.skip(f"the real images of {name} are not here; {_REAL_IMAGES} says where they are")
        for kind in sorted((folder / name).glob("*/*/")):
            for file in sorted(kind.iterdir())[:5]:
                to = tmp_path / name / file.relative_to(folder / name)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to)
        return tmp_path / name

    return part


@pytest.fixture
def pool_of_images(tmp_path: Path, encoder_store: Path) -> Iterator[Callable[[Path], Pool]]:
    """A function that takes a folder into a new pool, through the real intake and default encoder."""
    # Rooms are imported late: the hook above has to come first.
    from encoders.catalog import load_encoder
    from index.intake import take_in
    from index.pools import Pools
    from index.sources.opening import open_source

    with Pools(tmp_path / "pools") as pools:

        def take(folder: Path) -> Pool:
            encoder = load_encoder("efficientnet-lite0", store=encoder_store)
            identity = encoder.identity
            pool = pools.create(folder.name, identity.name, identity.fingerprint, identity.dim)
            report = take_in(pool, [encoder], open_source(folder))
            assert not report.failed
            return pool

        yield take
