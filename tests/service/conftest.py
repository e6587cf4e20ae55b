"""An app over an empty data directory, with a small real encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import structlog
from fastapi.testclient import TestClient

from encoders.encoder import Encoder
from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.adapted_pool import adapted_encoder
from tests.service.pictures import data_uri
from tests.service.replicas.round_robin import REPLICAS, share, shared_settings

if TYPE_CHECKING:
    from tests.service.adaptable import Adaptable

Load = Callable[[str], Encoder]


class Serve(Protocol):
    """Starts an app and gives a client of it."""

    def __call__(self, *, load: Load = ..., **settings: Any) -> TestClient: ...


def load_pixel_encoder(name: str) -> Encoder:
    """``pixel-<dim>-<seed>``, the name that the encoder itself has; ``<pool key>/<number>``, adapted to a pool."""
    _, _, number = name.partition("/")
    if number:
        return adapted_encoder(int(number))
    _, dim, seed = name.split("-")
    return PixelEncoder(int(dim), int(seed))


# Through the standard library, whose records pytest collects; what a thread prints could outlive its test.
structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.render_to_log_kwargs],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)


def fill(client: TestClient) -> TestClient:
    """Make the pool ``p``: 24 demonstrations, 4 labels × 3 domains × 2 groups."""
    assert client.post("/v1/pools", json={"name": "p"}).status_code == 201
    demonstrations = [
        {
            "id": f"d{number % 3}/l{number % 4}/{number}.png",
            "image": data_uri(number),
            "label": f"l{number % 4}",
            "domain": f"d{number % 3}",
            "group": f"g{number // 12}",
            "metadata": {"number": number},
        }
        for number in range(24)
    ]
    done = client.post("/v1/pools/p/demonstrations:upsert", json={"demonstrations": demonstrations})
    assert done.json()["failed"] == 0
    return client


@contextmanager
def serving(data: Path, load: Load = load_pixel_encoder, **settings: Any) -> Iterator[TestClient]:
    """A client of a new app."""
    given = {"data": data, "encoder": "pixel-16-0", "workers": 2, **settings}
    if REPLICAS:
        given = {**shared_settings(data), **given}
    with ExitStack() as stack:
        apps = [create_app(Settings(**given), load_encoder=load) for _ in range(1 + REPLICAS)]
        clients = [
            stack.enter_context(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))
            for app in apps
        ]
        if REPLICAS:
            share(*clients)
        yield clients[0]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Apps over `tmp_path`, closed at the end of the test."""
    with ExitStack() as stack:

        def start(*, load: Load = load_pixel_encoder, **settings: Any) -> TestClient:
            return stack.enter_context(serving(tmp_path / "data", load, **settings))

        yield start


@pytest.fixture
def client(serve: Serve) -> TestClient:
    """A client of an app with no pool, which asks for no keys."""
    return serve()


@pytest.fixture
def pool(client: TestClient) -> TestClient:
    """A client of an app with the pool ``p``, for a test that changes it."""
    return fill(client)


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of an app with the pool ``p``, which all tests share and none changes."""
    with serving(tmp_path_factory.mktemp("still")) as client:
        yield fill(client)


@pytest.fixture(scope="session")
def adaptable_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a pool that gains by adapting its encoder, a real one; to be copied."""
    from tests.service.adaptable import make  # late, as what is below: torch takes seconds

    return make(tmp_path_factory.mktemp("adaptable"))


@pytest.fixture
def short_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads as narrow as the small encoder, trained in a fifth of the steps at a higher rate."""
    import encoders.adaptation.adapt  # noqa: F401 -- its hints are to name the class, not what stands for it below
    from encoders.adaptation import plan
    from encoders.adaptation.head import HeadOptions

    head = HeadOptions(hidden=32, dim=16, steps=60, rate=1e-2)
    monkeypatch.setattr(plan, "Plan", partial(plan.Plan, head=head))


@pytest.fixture
def short_trainings(short_heads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of four steps, and jobs that notice soon that they are to stop."""
    from encoders.adaptation import step_count
    from service.jobs import watch

    monkeypatch.setattr(step_count, "_FEWEST", 4)
    monkeypatch.setattr(step_count, "_MOST", 4)
    monkeypatch.setattr(watch, "_LOOKS_A_SECOND", 50)


@pytest.fixture
def adaptable(adaptable_data: Path, tmp_path: Path, short_trainings: None) -> Iterator[Adaptable]:
    """A copy of it, opened."""
    from tests.service.adaptable import Adaptable

    adaptable = Adaptable(adaptable_data, tmp_path)
    yield adaptable
    adaptable.close()


@pytest.fixture
def adaptable_client(adaptable_data: Path, tmp_path: Path, short_trainings: None) -> Iterator[TestClient]:
    """A client of an app over a copy of it, with the real catalog of encoders. Nobody does its jobs."""
    from tests.service.adaptable import settings_of

    copytree(adaptable_data, tmp_path / "data")
    app = create_app(settings_of(tmp_path / "data", adaptable_data))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client
